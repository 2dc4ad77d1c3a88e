using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// argmax of x [N, C], ScalarScan: one pass with a running best; the first of equal elements stays.
// Traffic: x in. The comparison is a well predicted branch, so the scan runs at about one element per cycle.
internal static unsafe class ArgMaxCpu
{
    private const int Grain = 1 << 14;

    public static void Forward<T, TOrder>(T* x, T* values, long* indices, int n, int c) where T : unmanaged where TOrder : struct, IOrder<T> =>
        CpuThreads.ForRange(n, Math.Max(1, Grain / c), (from, to) =>
        {
            for (var row = from; row < to; row++)
            {
                var best = First<T, TOrder>(x + row * c, c);
                (values[row], indices[row]) = (x[row * c + best], best);
            }
        });

    public static void Backward<T>(T* dy, long* indices, T* dx, int n, int c) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        CpuThreads.ForRange(n, Math.Max(1, Grain / c), (from, to) =>
        {
            for (var row = from; row < to; row++)
            {
                new Span<T>(dx + row * c, c).Clear();
                dx[row * c + indices[row]] = dy[row];
            }
        });

    private static int First<T, TOrder>(T* x, int c) where T : unmanaged where TOrder : struct, IOrder<T>
    {
        var (place, best) = (0, x[0]);
        for (var i = 1; i < c; i++)
        {
            if (TOrder.IsBetter(x[i], best)) { (place, best) = (i, x[i]); }
        }

        return place;
    }
}
