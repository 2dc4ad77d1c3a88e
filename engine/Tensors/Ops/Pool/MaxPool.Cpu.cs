using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// MaxPool, PlanePerTask: scalar windows in row-major order; backward adds each window's gradient to its winner, windows in order.
// Traffic: x once from memory, kernel area times from L1.
internal static unsafe class MaxPoolCpu<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 13;

    public static void Forward(T* x, T* y, T* winners, long planes, ConvAxis h, ConvAxis w) =>
        CpuThreads.ForRange(planes, Math.Max(1, Grain / (h.Out * w.Out)), (from, to) =>
        {
            for (var row = from * h.Out; row < to * h.Out; row++)
            {
                var plane = x + row / h.Out * h.Size * w.Size;
                for (var j = 0; j < w.Out; j++)
                {
                    (y[row * w.Out + j], winners[row * w.Out + j]) = Window(plane, h, w, (int)(row % h.Out), j);
                }
            }
        });

    public static void Backward(T* dy, T* winners, T* dx, long planes, ConvAxis h, ConvAxis w) =>
        CpuThreads.ForRange(planes, Math.Max(1, Grain / (h.Out * w.Out)), (from, to) =>
        {
            for (var p = from; p < to; p++)
            {
                var plane = dx + p * h.Size * w.Size;
                new Span<T>(plane, h.Size * w.Size).Clear();
                for (var i = 0; i < h.Out * w.Out; i++)
                {
                    var tap = int.CreateTruncating(winners[p * h.Out * w.Out + i]);
                    var at = h.At(i / w.Out, tap / w.Kernel) * w.Size + w.At(i % w.Out, tap % w.Kernel);
                    plane[at] += dy[p * h.Out * w.Out + i];
                }
            }
        });

    private static (T Value, T Tap) Window(T* plane, ConvAxis h, ConvAxis w, int i, int j)
    {
        T best = T.NegativeInfinity, winner = -T.One;
        for (var kh = 0; kh < h.Kernel; kh++)
        {
            for (var kw = 0; kw < w.Kernel; kw++)
            {
                int row = h.At(i, kh), column = w.At(j, kw);
                if ((uint)row >= (uint)h.Size || (uint)column >= (uint)w.Size) { continue; }
                var v = plane[row * w.Size + column];
                if (v > best || T.IsNaN(v) || winner < T.Zero) { (best, winner) = (v, T.CreateTruncating(kh * w.Kernel + kw)); }
            }
        }

        return (best, winner);
    }
}
