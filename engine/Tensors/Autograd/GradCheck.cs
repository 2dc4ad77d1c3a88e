using System;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Settings of <see cref="GradCheck"/>; torch's defaults.</summary>
/// <param name="Epsilon">Half the central difference's step.</param>
/// <param name="AbsoluteTolerance">Allowed absolute difference.</param>
/// <param name="RelativeTolerance">Allowed difference relative to the numeric value.</param>
/// <param name="FullBelow">Up to this many input elements every one is checked; above, random directions.</param>
/// <param name="Directions">Number of random directions per input.</param>
/// <param name="Seed">Seed of the cotangent and the directions.</param>
public sealed record GradCheckOptions(double Epsilon = 1e-6, double AbsoluteTolerance = 1e-5, double RelativeTolerance = 1e-3,
    int FullBelow = 2000, int Directions = 3, ulong Seed = 7);

/// <summary>What a gradient check found.</summary>
/// <param name="Passed">True when every compared value agrees.</param> <param name="Input">Number of the input with the worst disagreement.</param>
/// <param name="Index">Element of that input, or −1 − k for random direction k.</param> <param name="Analytic">The engine's derivative there.</param>
/// <param name="Numeric">The central difference there.</param> <param name="Compared">How many derivatives were compared.</param>
public sealed record GradCheckResult(bool Passed, int Input, long Index, double Analytic, double Numeric, int Compared)
{
    /// <inheritdoc/>
    public override string ToString()
    {
        var where = Index >= 0 ? $"input {Input}, element {Index}" : $"input {Input}, random direction {-1 - Index}";
        return Passed
            ? $"{Compared} derivatives agree; worst at {where}: analytic {Analytic:g9}, numeric {Numeric:g9}"
            : $"gradient is wrong at {where}: analytic {Analytic:g9}, numeric {Numeric:g9}";
    }
}

/// <summary>Compares the engine's backward with central differences of its forward, in f64. The output is contracted with a random
/// cotangent: a plain sum would hide every op whose rows sum to a constant, softmax and LayerNorm among them.</summary>
public static class GradCheck
{
    /// <summary>Checks the gradient of <paramref name="function"/> by each f64 input that requires one.</summary>
    /// <exception cref="DTypeException">An input that requires a gradient is not f64.</exception>
    /// <exception cref="AutogradException">No input requires a gradient.</exception>
    public static GradCheckResult Run(Func<Tensor[], Tensor> function, Tensor[] inputs, GradCheckOptions? options = null)
    {
        options ??= new GradCheckOptions();
        foreach (var x in inputs.Where(x => x.RequiresGrad && x.DType != DType.F64))
        {
            throw new DTypeException($"GradCheck needs f64 inputs, one is {x.DType.Name()}; central differences drown in f32 rounding");
        }

        if (!inputs.Any(x => x.RequiresGrad)) { throw new AutogradException("GradCheck: no input requires a gradient; set RequiresGrad"); }
        using var scope = TensorScope.Begin();
        foreach (var x in inputs) { x.ZeroGrad(); }
        var y = function(inputs);
        var cotangent = Tensor.Uniform(y.Shape, -1, 1, options.Seed, 0, DType.F64, y.Device);
        y.Backward(cotangent);
        var worst = new GradCheckResult(true, 0, 0, 0, 0, 0);
        var excess = double.NegativeInfinity;
        for (var i = 0; i < inputs.Length; i++)
        {
            if (inputs[i].RequiresGrad) { CheckInput(function, inputs, i, cotangent.ToArray<double>(), options, ref worst, ref excess); }
        }

        return worst;
    }

    private static void CheckInput(Func<Tensor[], Tensor> function, Tensor[] inputs, int i, double[] cotangent, GradCheckOptions options,
        ref GradCheckResult worst, ref double excess)
    {
        var x = inputs[i].ToArray<double>();
        var analytic = inputs[i].Grad?.ToArray<double>() ?? new double[x.Length];
        var isFull = x.Length <= options.FullBelow;
        for (var k = 0; k < (isFull ? x.Length : options.Directions); k++)
        {
            var direction = isFull ? null : Tensor.Uniform([x.Length], -1, 1, options.Seed, (ulong)(1 + k), DType.F64).ToArray<double>();
            var slope = isFull ? analytic[k] : analytic.Zip(direction!, (g, d) => g * d).Sum();
            var numeric = Difference(function, inputs, i, x, k, direction, cotangent, options.Epsilon);
            var over = Math.Abs(slope - numeric) - options.AbsoluteTolerance - options.RelativeTolerance * Math.Abs(numeric);
            if (double.IsNaN(over)) { over = double.PositiveInfinity; }
            if (over > excess)
            {
                excess = over;
                worst = new GradCheckResult(over <= 0, i, isFull ? k : -1 - k, slope, numeric, worst.Compared);
            }

            worst = worst with { Compared = worst.Compared + 1 };
        }
    }

    private static double Difference(Func<Tensor[], Tensor> function, Tensor[] inputs, int i, double[] x, int k, double[]? direction,
        double[] cotangent, double epsilon)
    {
        double At(double step)
        {
            using var noGrad = GradMode.NoGrad();
            using var scope = TensorScope.Begin();
            var moved = (double[])x.Clone();
            if (direction is null) { moved[k] += step; }
            for (var j = 0; direction is not null && j < x.Length; j++) { moved[j] += step * direction[j]; }
            var changed = inputs.ToArray();
            changed[i] = Tensor.From(moved, inputs[i].Shape, inputs[i].Device);
            return function(changed).ToArray<double>().Zip(cotangent, (v, c) => v * c).Sum();
        }

        return (At(epsilon) - At(-epsilon)) / (2 * epsilon);
    }
}
