using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// Reduction of x [outer, length, inner] to y [outer, inner].
// inner = 1: RowsByFourAccumulators, each row by four vectors combined in a fixed order. inner > 1: ColumnsInRegisters, a strip of
// columns stays in one vector while the rows pass. Traffic: each element read once; memory-bound.
internal readonly unsafe struct ReduceCpu<TReducer, T>(T* x, T* y, long outer, long length, long inner) : ISimdKernel<T>
    where TReducer : struct, IReducer
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 14;

    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        if (inner == 1)
        {
            CpuThreads.ForRange(outer, Math.Max(1, Grain / length), (from, to) =>
            {
                for (var o = from; o < to; o++) { self.Row<R>(o); }
            });
            return;
        }

        var strips = (inner + R.Count - 1) / R.Count;
        CpuThreads.ForRange(outer * strips, Math.Max(1, Grain / (length * R.Count)), (from, to) =>
        {
            for (var s = from; s < to; s++) { self.Columns<R>(s / strips, s % strips * R.Count); }
        });
    }

    private void Row<R>(long o) where R : struct, ISimd<R, T>
    {
        var row = x + o * length;
        R identity = R.Of(TReducer.Identity), a = identity, b = identity, c = identity, d = identity;
        long i = 0;
        for (; i + 4 * R.Count <= length; i += 4 * R.Count)
        {
            a = TReducer.Combine(a, R.Load(row + i));
            b = TReducer.Combine(b, R.Load(row + i + R.Count));
            c = TReducer.Combine(c, R.Load(row + i + 2 * R.Count));
            d = TReducer.Combine(d, R.Load(row + i + 3 * R.Count));
        }

        for (; i + R.Count <= length; i += R.Count) { a = TReducer.Combine(a, R.Load(row + i)); }
        var lanes = stackalloc T[R.Count];
        TReducer.Combine(TReducer.Combine(a, b), TReducer.Combine(c, d)).Store(lanes);
        var sum = new Scalar<T>(lanes[0]);
        for (var lane = 1; lane < R.Count; lane++) { sum = TReducer.Combine(sum, new Scalar<T>(lanes[lane])); }
        for (; i < length; i++) { sum = TReducer.Combine(sum, new Scalar<T>(row[i])); }
        sum.Store(y + o);
    }

    private void Columns<R>(long o, long column) where R : struct, ISimd<R, T>
    {
        T* from = x + o * length * inner + column, to = y + o * inner + column;
        if (column + R.Count <= inner)
        {
            var sum = R.Of(TReducer.Identity);
            for (long i = 0; i < length; i++) { sum = TReducer.Combine(sum, R.Load(from + i * inner)); }
            sum.Store(to);
            return;
        }

        for (long j = 0; j < inner - column; j++)
        {
            var sum = Scalar<T>.Of(TReducer.Identity);
            for (long i = 0; i < length; i++) { sum = TReducer.Combine(sum, new Scalar<T>(from[i * inner + j])); }
            sum.Store(to + j);
        }
    }
}
