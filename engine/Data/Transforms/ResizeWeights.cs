using System;

namespace FlorenceKernels.Data;

/// <summary>For every target position of one axis: which source positions count, and how much. Positions and rounding follow
/// PIL's resampling, so that the uint8 result is equal bit for bit.</summary>
internal sealed class ResizeWeights
{
    internal const int FractionBits = 32 - 8 - 2;   // 8 bits of pixel, 2 bits of overshoot, the rest for the fraction

    internal ResizeWeights(int from, int to, ResizeFilter filter)
    {
        var scale = (double)from / to;
        var stretch = Math.Max(scale, 1);
        var support = ResizeKernel.Support(filter) * stretch;
        Taps = (int)Math.Ceiling(support) * 2 + 1;
        First = new int[to];
        Count = new int[to];
        Exact = new double[checked(to * Taps)];
        for (var i = 0; i < to; i++)
        {
            var center = (i + 0.5) * scale;
            var first = Math.Max(0, (int)(center - support + 0.5));
            var count = Math.Min(from, (int)(center + support + 0.5)) - first;
            (First[i], Count[i]) = (first, count);
            Fill(Exact.AsSpan(i * Taps, count), first - center + 0.5, 1 / stretch, filter);
        }
        Fixed = Array.ConvertAll(Exact, w => (int)(w * (1 << FractionBits) + (w < 0 ? -0.5 : 0.5)));
    }

    /// <summary>Stride of the weights: the most source positions any target position has.</summary>
    internal int Taps { get; }

    /// <summary>First source position. [to]</summary>
    internal int[] First { get; }

    /// <summary>Number of source positions. [to]</summary>
    internal int[] Count { get; }

    /// <summary>Weights that sum to 1. [to, Taps]</summary>
    internal double[] Exact { get; }

    /// <summary>The same in fixed point. [to, Taps]</summary>
    internal int[] Fixed { get; }

    private static void Fill(Span<double> weights, double offset, double step, ResizeFilter filter)
    {
        var sum = 0.0;
        for (var k = 0; k < weights.Length; k++) sum += weights[k] = ResizeKernel.At(filter, (k + offset) * step);
        if (sum == 0) return;
        foreach (ref var weight in weights) weight /= sum;
    }
}
