using System;
using System.Collections.Generic;
using System.Numerics;

namespace FlorenceKernels.Training;

/// <summary>Value of a function and, in <paramref name="gradient"/>, its gradient.</summary>
internal delegate double ValueAndGradient(ReadOnlySpan<double> at, Span<double> gradient);

/// <summary>Limited-memory BFGS (Nocedal and Wright 2006, algorithms 7.4 and 7.5) with a bisection to the weak Wolfe conditions
/// (Lewis and Overton 2013), for smooth functions.</summary>
internal static class Lbfgs
{
    private const int Memory = 10;
    private const int MaxSteps = 60;
    private const double Decrease = 1e-4, Curvature = 0.9;

    /// <summary>Minimises in place; stops when the largest gradient entry is at most <paramref name="tolerance"/>, after
    /// <paramref name="maxIterations"/>, or when no step lowers the value any more. Returns the value.</summary>
    internal static double Minimize(ValueAndGradient f, double[] x, int maxIterations, double tolerance)
    {
        var history = new Queue<(double[] Step, double[] Change)>();
        var gradient = new double[x.Length];
        var value = f(x, gradient);
        for (var iteration = 0; iteration < maxIterations && LargestEntry(gradient) > tolerance; iteration++)
        {
            var direction = Direction(gradient, history);
            var trial = new double[x.Length];
            var trialGradient = new double[x.Length];
            // the first direction has the length of the gradient, which says nothing about distance
            var step = history.Count == 0 ? Math.Min(1, 1 / Math.Sqrt(Dot(gradient, gradient))) : 1;
            var lower = Search(f, x, value, Dot(gradient, direction), direction, step, trial, trialGradient);
            if (!(lower < value)) break;
            Remember(history, x, gradient, trial, trialGradient);
            trial.CopyTo(x, 0);
            (value, gradient) = (lower, trialGradient);
        }
        return value;
    }

    private static double Search(
        ValueAndGradient f, double[] x, double value, double slope, double[] direction, double step,
        double[] trial, double[] trialGradient)
    {
        double low = 0, high = double.PositiveInfinity, found = double.PositiveInfinity;
        for (var n = 0; n < MaxSteps; n++)
        {
            for (var i = 0; i < x.Length; i++) trial[i] = x[i] + step * direction[i];
            found = f(trial, trialGradient);
            if (!(found <= value + Decrease * step * slope)) high = step;
            else if (Dot(trialGradient, direction) < Curvature * slope) low = step;
            else break;
            step = double.IsPositiveInfinity(high) ? 2 * low : 0.5 * (low + high);
        }
        return found;
    }

    // two-loop recursion: -H·gradient, H from the last steps
    private static double[] Direction(double[] gradient, Queue<(double[] Step, double[] Change)> history)
    {
        var direction = Array.ConvertAll(gradient, g => -g);
        var steps = history.ToArray();
        var alphas = new double[steps.Length];
        for (var k = steps.Length - 1; k >= 0; k--)
        {
            alphas[k] = Dot(steps[k].Step, direction) / Dot(steps[k].Step, steps[k].Change);
            AddScaled(direction, -alphas[k], steps[k].Change);
        }
        if (steps is [.., var last])
        {
            var scale = Dot(last.Step, last.Change) / Dot(last.Change, last.Change);
            for (var i = 0; i < direction.Length; i++) direction[i] *= scale;
        }
        for (var k = 0; k < steps.Length; k++)
        {
            var beta = Dot(steps[k].Change, direction) / Dot(steps[k].Step, steps[k].Change);
            AddScaled(direction, alphas[k] - beta, steps[k].Step);
        }
        return direction;
    }

    private static void Remember(
        Queue<(double[] Step, double[] Change)> history, double[] x, double[] gradient, double[] trial, double[] trialGradient)
    {
        var step = new double[x.Length];
        var change = new double[x.Length];
        for (var i = 0; i < x.Length; i++) (step[i], change[i]) = (trial[i] - x[i], trialGradient[i] - gradient[i]);
        // no curvature seen: H would lose its positive definiteness
        if (Dot(step, change) <= 1e-14 * Dot(change, change)) return;
        if (history.Count == Memory) history.Dequeue();
        history.Enqueue((step, change));
    }

    private static double LargestEntry(ReadOnlySpan<double> values)
    {
        var largest = 0.0;
        foreach (var value in values) largest = Math.Max(largest, Math.Abs(value));
        return largest;
    }

    internal static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sums = Vector<double>.Zero;
        var i = 0;
        for (; i + Vector<double>.Count <= a.Length; i += Vector<double>.Count)
            sums += new Vector<double>(a[i..]) * new Vector<double>(b[i..]);
        var sum = Vector.Sum(sums);
        for (; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }

    internal static void AddScaled(Span<double> sum, double scale, ReadOnlySpan<double> values)
    {
        var i = 0;
        for (; i + Vector<double>.Count <= sum.Length; i += Vector<double>.Count)
            (new Vector<double>(sum[i..]) + scale * new Vector<double>(values[i..])).CopyTo(sum[i..]);
        for (; i < sum.Length; i++) sum[i] += scale * values[i];
    }
}
