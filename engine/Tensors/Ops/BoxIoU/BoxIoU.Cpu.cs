using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// Boxes [N, 4], BoxPerStep: four corners lie together, so a lane would have to gather them; one pair at a time, pairs in
// parallel. Traffic: 8 elements in, 1 (forward) or 4 (backward) out per pair.
internal static unsafe class BoxIoUCpu
{
    private const int Grain = 1 << 10;

    public static void Forward<T>(T* a, T* b, T* y, long n, double eps) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        CpuThreads.ForRange(n, Grain, (from, to) =>
        {
            for (var i = from; i < to; i++) { BoxFormula.Giou(At(a, i), At(b, i), Scalar<T>.Of(eps)).Store(y + i); }
        });

    /// <summary>da = g·∂GIoU(a, b)/∂a.</summary>
    public static void Backward<T>(T* a, T* b, T* g, T* da, long n, double eps)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        CpuThreads.ForRange(n, Grain, (from, to) =>
        {
            for (var i = from; i < to; i++)
            {
                var slope = BoxFormula.GiouSlope(At(a, i), At(b, i), Scalar<T>.Of(eps));
                Scalar<T> v = new(g[i]);
                (v * slope.X1).Store(da + 4 * i);
                (v * slope.Y1).Store(da + 4 * i + 1);
                (v * slope.X2).Store(da + 4 * i + 2);
                (v * slope.Y2).Store(da + 4 * i + 3);
            }
        });

    /// <summary>y[i, j] = IoU(a[i], b[j]).</summary>
    public static void Pairs<T>(T* a, T* b, T* y, long n, int m) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        CpuThreads.ForRange(n, 1 + Grain / (m + 1), (from, to) =>
        {
            for (var i = from; i < to; i++)
            {
                var box = At(a, i);
                for (var j = 0; j < m; j++) { BoxFormula.IoU(box, At(b, j)).Store(y + i * m + j); }
            }
        });

    private static Box<Scalar<T>> At<T>(T* boxes, long i) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new(new(boxes[4 * i]), new(boxes[4 * i + 1]), new(boxes[4 * i + 2]), new(boxes[4 * i + 3]));
}
