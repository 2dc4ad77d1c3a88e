using System;
using System.Diagnostics;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Benchmarks;

/// <summary>The most this machine's cores do, measured: multiply-adds that stay in registers, and a copy that stays in no cache.</summary>
internal static class MachineCeiling
{
    private const int Repeats = 5, Chains = 12;

    private static readonly Lazy<double> MeasuredFlops = new(MeasureFlops), MeasuredBandwidth = new(MeasureBandwidth);

    /// <summary>f32 operations per second of all cores.</summary>
    public static double Flops => MeasuredFlops.Value;

    /// <summary>Bytes per second read and written by all cores.</summary>
    public static double Bandwidth => MeasuredBandwidth.Value;

    private static double MeasureFlops()
    {
        const int Rounds = 4_000_000;
        var counted = new double[CpuThreads.Count]; // filled by the threads, so that nothing is optimised away
        var seconds = Best(() => CpuThreads.For(counted.Length, thread => Simd.Run<float, MultiplyAdds>(new(counted, thread, Rounds))));
        return counted.Sum() / seconds;
    }

    private static double MeasureBandwidth()
    {
        var (from, to) = (new float[1 << 26], new float[1 << 26]);
        Array.Fill(from, 1f);
        var seconds = Best(() => CpuThreads.ForRange(from.Length, 1 << 20, (begin, end) =>
            from.AsSpan((int)begin, (int)(end - begin)).CopyTo(to.AsSpan((int)begin))));
        return 2.0 * sizeof(float) * from.Length / seconds;
    }

    private static double Best(Action work) => Enumerable.Range(0, Repeats).Min(_ =>
    {
        var start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    });

    // Twelve chains cover the latency of a multiply-add; x/2 + y keeps the values finite.
    private readonly unsafe struct MultiplyAdds(double[] counted, int thread, int rounds) : ISimdKernel<float>
    {
        public void Run<R>() where R : struct, ISimd<R, float>
        {
            R half = R.Of(0.5), y = R.Of(1 + thread), a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
            for (var n = 0; n < rounds; n++)
            {
                a = R.MultiplyAdd(a, half, y); b = R.MultiplyAdd(b, half, y); c = R.MultiplyAdd(c, half, y); d = R.MultiplyAdd(d, half, y);
                e = R.MultiplyAdd(e, half, y); f = R.MultiplyAdd(f, half, y); g = R.MultiplyAdd(g, half, y); h = R.MultiplyAdd(h, half, y);
                i = R.MultiplyAdd(i, half, y); j = R.MultiplyAdd(j, half, y); k = R.MultiplyAdd(k, half, y); l = R.MultiplyAdd(l, half, y);
            }

            var lanes = stackalloc float[R.Count];
            (a + b + c + d + e + f + g + h + i + j + k + l).Store(lanes);
            counted[thread] = float.IsFinite(lanes[0]) ? 2.0 * Chains * R.Count * rounds : 0;
        }
    }
}
