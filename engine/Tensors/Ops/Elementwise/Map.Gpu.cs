using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Elementwise, GridStride: one element per thread and turn. Dense when all operands are contiguous and equal in shape, else Strided, which
// splits the index along six axes. Traffic: Arity reads and one write per element.
internal static class MapGpu
{
    public static void Run<TMap, R>(GpuDevice gpu, string op, StridedLoop loop, ArrayView<R> y, ArrayView<R> a, ArrayView<R> b,
        ArrayView<R> c, R p, R q)
        where TMap : struct, IMap
        where R : unmanaged, IReal<R>
    {
        var dense = loop.Rank == 1;
        for (var operand = 0; operand < 4; operand++) { dense &= loop.InnerStride(operand) == 1; }
        var args = new Args<R> { Y = y, A = a, B = b, C = c, P = p, Q = q, Count = checked((int)loop.Count) };
        if (dense) { gpu.LaunchElements(Dense<TMap, R>, loop.Count, args); return; }
        args.Sizes = loop.Sizes(op);
        args.Sy = loop.Steps(0, op);
        args.Sa = loop.Steps(1, op);
        args.Sb = loop.Steps(2, op);
        args.Sc = loop.Steps(3, op);
        gpu.LaunchElements(Strided<TMap, R>, loop.Count, args);
    }

    internal static void Dense<TMap, R>(Args<R> k) where TMap : struct, IMap where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < k.Count; i += Grid.DimX * Group.DimX)
        {
            var a = k.A[i];
            var b = a;
            if (TMap.Arity > 1) { b = k.B[i]; }
            var c = a;
            if (TMap.Arity > 2) { c = k.C[i]; }
            k.Y[i] = TMap.F(a, b, c, k.P, k.Q);
        }
    }

    internal static void Strided<TMap, R>(Args<R> k) where TMap : struct, IMap where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < k.Count; i += Grid.DimX * Group.DimX)
        {
            var a = k.A[k.Sizes.Offset(i, k.Sa)];
            var b = a;
            if (TMap.Arity > 1) { b = k.B[k.Sizes.Offset(i, k.Sb)]; }
            var c = a;
            if (TMap.Arity > 2) { c = k.C[k.Sizes.Offset(i, k.Sc)]; }
            k.Y[k.Sizes.Offset(i, k.Sy)] = TMap.F(a, b, c, k.P, k.Q);
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> Y, A, B, C;
        public R P, Q;
        public int Count;
        public GpuSizes Sizes, Sy, Sa, Sb, Sc;
    }
}
