using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Boxes [N, 4], GridStride: one pair per thread. Traffic: 8 elements in, 1 (forward) or 4 (backward) out per pair.
internal static class BoxIoUGpu
{
    internal static void Forward<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            a.Y[i] = BoxFormula.Giou(At(a.A, i), At(a.B, i), a.Eps);
        }
    }

    internal static void Backward<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var slope = BoxFormula.GiouSlope(At(a.A, i), At(a.B, i), a.Eps);
            var g = a.G[i];
            a.Y[4 * i] = g * slope.X1;
            a.Y[4 * i + 1] = g * slope.Y1;
            a.Y[4 * i + 2] = g * slope.X2;
            a.Y[4 * i + 3] = g * slope.Y2;
        }
    }

    internal static void Pairs<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var row = i / a.M;
            a.Y[i] = BoxFormula.IoU(At(a.A, row), At(a.B, i - row * a.M));
        }
    }

    internal static Box<R> At<R>(ArrayView<R> boxes, int i) where R : unmanaged, IReal<R> =>
        new(boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]);

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> A, B, G, Y;     // A, B [N, 4] ([M, 4] for Pairs); G [N]; Y [N], backward [N, 4], pairs [N, M]
        public R Eps;
        public int Count, M;
    }
}
