using System;

namespace FlorenceKernels.Training;

/// <summary>Multinomial logistic regression for linear probes: the minimum of ½‖W‖² + cost · Σ log-loss, intercepts not penalised
/// (CLIP appendix A.3; the objective of scikit-learn), found in float64 by L-BFGS.</summary>
public sealed class LogisticRegression
{
    private const int DefaultIterations = 1000;
    private const double DefaultTolerance = 1e-8;

    private LogisticRegression(double[] parameters, int features, int classes, double objective)
    {
        (Features, Classes, Objective) = (features, classes, objective);
        Coefficients = parameters[..(classes * features)];
        Intercepts = parameters[(classes * features)..];
    }

    /// <summary>Number of inputs.</summary>
    public int Features { get; }

    /// <summary>Number of classes.</summary>
    public int Classes { get; }

    /// <summary>Weights. [classes, features]</summary>
    public double[] Coefficients { get; }

    /// <summary>Intercepts, with mean 0: a common shift changes nothing. [classes]</summary>
    public double[] Intercepts { get; }

    /// <summary>Value of the objective at the optimum.</summary>
    public double Objective { get; }

    /// <summary>Fits a model.</summary>
    /// <param name="x">Features. [N, features]</param>
    /// <param name="features">Number of features.</param>
    /// <param name="labels">Classes 0 … classes − 1. [N]</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="cost">Weight of the log-loss: the inverse of the L2 strength.</param>
    /// <param name="maxIterations">Most L-BFGS iterations.</param>
    /// <param name="tolerance">Largest gradient entry to stop at, per unit of cost and sample.</param>
    public static LogisticRegression Fit(
        ReadOnlySpan<float> x, int features, ReadOnlySpan<long> labels, int classes, double cost,
        int maxIterations = DefaultIterations, double tolerance = DefaultTolerance)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        if (!(cost > 0) || !double.IsFinite(cost))
            throw new ArgumentOutOfRangeException(nameof(cost), cost, "The cost must be positive.");
        if (labels.IsEmpty || x.Length != (long)features * labels.Length)
            throw new ArgumentException(
                $"{labels.Length} samples of {features} features need {(long)features * labels.Length} values, not {x.Length}.");
        foreach (var label in labels)
            if (label < 0 || label >= classes)
                throw new ArgumentException($"Label {label} is outside 0..{classes - 1}.", nameof(labels));
        var data = new double[x.Length];
        for (var i = 0; i < data.Length; i++)
            data[i] = float.IsFinite(x[i]) ? x[i]
                : throw new ArgumentException($"Feature {i % features} of sample {i / features} is {x[i]}.", nameof(x));
        var problem = new Problem(data, features, labels.ToArray(), classes, cost);
        var parameters = new double[classes * features + classes];
        var objective = Lbfgs.Minimize(problem.Evaluate, parameters, maxIterations,
            tolerance * Math.Max(1, cost * labels.Length));
        Center(parameters.AsSpan(classes * features));
        return new LogisticRegression(parameters, features, classes, objective);
    }

    /// <summary>Class of the largest logit of every sample. [N]</summary>
    public int[] Predict(ReadOnlySpan<float> x)
    {
        if (x.Length % Features != 0)
            throw new ArgumentException($"{x.Length} values are not rows of {Features} features.", nameof(x));
        var predicted = new int[x.Length / Features];
        for (var n = 0; n < predicted.Length; n++)
        {
            var best = double.NegativeInfinity;
            for (var c = 0; c < Classes; c++)
            {
                var logit = Intercepts[c];
                for (var f = 0; f < Features; f++) logit += Coefficients[c * Features + f] * x[n * Features + f];
                if (logit <= best) continue;
                (best, predicted[n]) = (logit, c);
            }
        }
        return predicted;
    }

    /// <summary>CLIP's search for the cost (appendix A.3): seven costs from 1e-6 to 1e6, then the interval around the best is
    /// halved until the grid has 8 steps a decade. Returns the best cost; of equal scores the first one tried wins.</summary>
    /// <param name="validationScore">Score on validation data of a model fitted with this cost.</param>
    public static double SearchCost(Func<double, double> validationScore)
    {
        ArgumentNullException.ThrowIfNull(validationScore);
        const double First = -6, Last = 6, Finest = 1.0 / 8;
        var (best, bestScore) = (0.0, double.NegativeInfinity);
        for (var exponent = First; exponent <= Last; exponent += 2) Try(exponent);
        for (var step = 1.0; step >= Finest; step /= 2)
        {
            var center = best;
            if (center - step >= First) Try(center - step);
            if (center + step <= Last) Try(center + step);
        }
        return Math.Pow(10, best);

        void Try(double exponent)
        {
            var score = validationScore(Math.Pow(10, exponent));
            if (score > bestScore) (best, bestScore) = (exponent, score);
        }
    }

    private static void Center(Span<double> intercepts)
    {
        var mean = 0.0;
        foreach (var value in intercepts) mean += value / intercepts.Length;
        foreach (ref var value in intercepts) value -= mean;
    }

    // parameters: W [classes, features], then b [classes]
    private sealed class Problem(double[] x, int features, long[] labels, int classes, double cost)
    {
        private readonly double[] _p = new double[classes];

        internal double Evaluate(ReadOnlySpan<double> at, Span<double> gradient)
        {
            var weights = at[..(classes * features)];
            var loss = 0.5 * Lbfgs.Dot(weights, weights);
            gradient.Clear();
            weights.CopyTo(gradient);
            for (var n = 0; n < labels.Length; n++)
            {
                var row = x.AsSpan(n * features, features);
                loss += cost * Probabilities(at, row, (int)labels[n]);
                for (var c = 0; c < classes; c++)
                {
                    var g = cost * (_p[c] - (c == labels[n] ? 1 : 0));
                    Lbfgs.AddScaled(gradient.Slice(c * features, features), g, row);
                    gradient[classes * features + c] += g;
                }
            }
            return loss;
        }

        // softmax into _p; returns the log-loss by a max-shifted log-sum-exp
        private double Probabilities(ReadOnlySpan<double> at, ReadOnlySpan<double> row, int label)
        {
            var largest = double.NegativeInfinity;
            for (var c = 0; c < classes; c++)
            {
                _p[c] = Lbfgs.Dot(at.Slice(c * features, features), row) + at[classes * features + c];
                largest = Math.Max(largest, _p[c]);
            }
            var own = _p[label] - largest;
            var sum = 0.0;
            for (var c = 0; c < classes; c++) sum += _p[c] = Math.Exp(_p[c] - largest);
            for (var c = 0; c < classes; c++) _p[c] /= sum;
            return Math.Log(sum) - own;
        }
    }
}
