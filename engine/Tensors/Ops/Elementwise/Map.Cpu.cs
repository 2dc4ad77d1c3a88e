using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// Elementwise, VectorRows: merged rows in parallel chunks of fixed size; unit strides and broadcasts by vector, other strides one by one.
// Traffic: Arity reads and one write per element. Floor: bytes / copy bandwidth for cheap formulas.
internal readonly unsafe struct MapCpu<TMap, T>(StridedLoop loop, T* y, T* a, T* b, T* c, double p, double q) : ISimdKernel<T>
    where TMap : struct, IMap
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 13;

    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        if (loop.Rows == 1)
        {
            CpuThreads.ForRange(loop.Inner, Grain, (from, to) => self.Row<R>(0, (int)from, (int)to));
            return;
        }

        CpuThreads.ForRange(loop.Rows, Math.Max(1, Grain / loop.Inner), (from, to) =>
        {
            for (var row = from; row < to; row++) { self.Row<R>(row, 0, self.Inner); }
        });
    }

    private int Inner => loop.Inner;

    private void Row<R>(long row, int from, int to) where R : struct, ISimd<R, T>
    {
        T* py = y + loop.RowOffset(0, row), pa = a + loop.RowOffset(1, row), pb = b + loop.RowOffset(2, row), pc = c + loop.RowOffset(3, row);
        long sy = loop.InnerStride(0), sa = loop.InnerStride(1), sb = loop.InnerStride(2), sc = loop.InnerStride(3);
        var i = from;
        if (sy == 1 && sa == 1 && sb == 1 && sc == 1) { i = Dense<R>(py, pa, pb, pc, i, to); }
        else if (sy == 1 && (sa | sb | sc) is 0 or 1) { i = Mixed<R>(py, pa, pb, pc, sa == 1, sb == 1, sc == 1, i, to); }
        for (; i < to; i++)
        {
            Scalar<T> va = new(pa[i * sa]), vb = new(pb[i * sb]), vc = new(pc[i * sc]);
            TMap.F(va, vb, vc, Scalar<T>.Of(p), Scalar<T>.Of(q)).Store(py + i * sy);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Dense<R>(T* py, T* pa, T* pb, T* pc, int i, int to) where R : struct, ISimd<R, T>
    {
        R vp = R.Of(p), vq = R.Of(q);
        for (; i + R.Count <= to; i += R.Count)
        {
            var va = R.Load(pa + i);
            var vb = TMap.Arity > 1 ? R.Load(pb + i) : va;
            var vc = TMap.Arity > 2 ? R.Load(pc + i) : va;
            TMap.F(va, vb, vc, vp, vq).Store(py + i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Mixed<R>(T* py, T* pa, T* pb, T* pc, bool da, bool db, bool dc, int i, int to) where R : struct, ISimd<R, T>
    {
        R vp = R.Of(p), vq = R.Of(q), va = R.Broadcast(*pa), vb = R.Broadcast(*pb), vc = R.Broadcast(*pc);
        for (; i + R.Count <= to; i += R.Count)
        {
            if (da) { va = R.Load(pa + i); }
            if (TMap.Arity > 1 && db) { vb = R.Load(pb + i); }
            if (TMap.Arity > 2 && dc) { vc = R.Load(pc + i); }
            TMap.F(va, vb, vc, vp, vq).Store(py + i);
        }

        return i;
    }
}
