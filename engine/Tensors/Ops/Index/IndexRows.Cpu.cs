using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// Gather, RowCopy: rows of y in parallel, each one block copy. Traffic: each row of y once in, once out.
internal static unsafe class IndexRowsCpu
{
    private const int Grain = 1 << 14;

    public static void Gather<T>(T* x, T* y, int* source, long outer, RowMap map, long inner) where T : unmanaged
    {
        long count = map.Count, rows = map.Rows;
        CpuThreads.ForRange(outer * count, Math.Max(1, Grain / inner), (from, to) =>
        {
            for (var r = from; r < to; r++)
            {
                var o = Math.DivRem(r, count, out var k);
                if (inner == 1) { y[r] = x[o * rows + source[k]]; }
                else { Unsafe.CopyBlockUnaligned(y + r * inner, x + (o * rows + source[k]) * inner, checked((uint)(inner * sizeof(T)))); }
            }
        });
    }
}

// Sum, OwnerAdds: each row of y belongs to one thread, which adds the rows that map to it in ascending order while y's row stays in cache.
// Traffic: every summand once in, y once out; no atomics.
internal readonly unsafe struct RowSumCpu<T>(T* src, T* start, T* y, int* starts, int* order, long outer, RowMap map, long inner) : ISimdKernel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 14;

    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var self = this;
        long rows = map.Rows, sources = map.Count;
        var perRow = Math.Max(1, inner * (1 + sources / Math.Max(1, rows)));
        CpuThreads.ForRange(outer * rows, Math.Max(1, Grain / perRow), (from, to) =>
        {
            for (var row = from; row < to; row++)
            {
                var o = Math.DivRem(row, rows, out var r);
                self.Row<R>(row, self.Source(o * sources), (int)r);
            }
        });
    }

    private T* Source(long row) => src + row * inner;

    private void Row<R>(long row, T* from, int r) where R : struct, ISimd<R, T>
    {
        var to = y + row * inner;
        if (start is null) { new Span<T>(to, checked((int)inner)).Clear(); }
        else { Unsafe.CopyBlockUnaligned(to, start + row * inner, checked((uint)(inner * sizeof(T)))); }
        for (var j = starts[r]; j < starts[r + 1]; j++) { Add<R>(to, from + order[j] * inner); }
    }

    private void Add<R>(T* to, T* from) where R : struct, ISimd<R, T>
    {
        long i = 0;
        for (; i + R.Count <= inner; i += R.Count) { (R.Load(to + i) + R.Load(from + i)).Store(to + i); }
        for (; i < inner; i++) { to[i] += from[i]; }
    }
}
