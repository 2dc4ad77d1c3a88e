using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Benchmarks;

/// <summary>Numbers both sides start from: a function of a name alone, so that two processes draw the same ones.</summary>
internal static class Values
{
    /// <summary>Uniform in [low, high).</summary>
    public static float[] Uniform(string name, IReadOnlyList<int> shape, double low = -1, double high = 1)
    {
        var values = new float[Count(shape)];
        var stream = Stream(name);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(low + (high - low) * Philox.Uniform(Philox.Word(1, stream, (ulong)i)));
        }

        return values;
    }

    /// <summary>Whole numbers in [0, high).</summary>
    public static long[] Ids(string name, IReadOnlyList<int> shape, int high) =>
        Array.ConvertAll(Uniform(name, shape, 0, high), v => Math.Min((long)v, high - 1));

    /// <summary>A parameter of a model: scales near 1, other vectors and bias tables small, matrices with variance 1/(3·fan-in).</summary>
    public static float[] Weight(string name, IReadOnlyList<int> shape)
    {
        if (name.Contains("norm", StringComparison.Ordinal) && name.EndsWith("weight", StringComparison.Ordinal)) { return Uniform(name, shape, 0.5, 1.5); }
        if (shape.Count == 1 || name.EndsWith("table", StringComparison.Ordinal)) { return Uniform(name, shape, -0.2, 0.2); }
        var bound = 1 / Math.Sqrt(Count(shape) / shape[0]);
        return Uniform(name, shape, -bound, bound);
    }

    public static int Count(IReadOnlyList<int> shape) => shape.Aggregate(1, (n, d) => checked(n * d));

    // FNV-1a, 64 bits.
    private static ulong Stream(string name) =>
        name.Aggregate(14695981039346656037UL, (hash, c) => (hash ^ c) * 1099511628211UL);
}
