using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Gather, GridStride: one element of y per thread and turn; neighbouring threads read neighbouring columns.
// Sum, OwnerAdds: one element of y per thread, which adds its summands in ascending order: no atomics, same bits every time.
internal static class IndexRowsGpu
{
    public static void Gather<T>(GpuDevice gpu, ArrayView<T> x, ArrayView<T> y, ArrayView<int> source, long outer, RowMap map, long inner)
        where T : unmanaged
    {
        var args = new GatherArgs<T>
        {
            X = x,
            Y = y,
            Source = source,
            Count = checked((int)(outer * map.Count * inner)),
            Sources = map.Count,
            Rows = map.Rows,
            Inner = (int)inner,
        };
        _ = checked((int)(outer * map.Rows * inner));
        gpu.LaunchElements(GatherRows, args.Count, args);
    }

    public static void Sum<R>(GpuDevice gpu, ArrayView<R> src, ArrayView<R> start, bool hasStart, ArrayView<R> y, ArrayView<int> starts,
        ArrayView<int> order, long outer, RowMap map, long inner) where R : unmanaged, IReal<R>
    {
        var args = new SumArgs<R>
        {
            Src = src,
            Start = start,
            Y = y,
            Starts = starts,
            Order = order,
            Zero = R.Of(0),
            HasStart = hasStart ? 1 : 0,
            Count = checked((int)(outer * map.Rows * inner)),
            Sources = map.Count,
            Rows = map.Rows,
            Inner = (int)inner,
        };
        _ = checked((int)(outer * map.Count * inner));
        gpu.LaunchElements(SumRows, args.Count, args);
    }

    internal static void GatherRows<T>(GatherArgs<T> a) where T : unmanaged
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var row = i / a.Inner;
            var outer = row / a.Sources;
            var from = outer * a.Rows + a.Source[row - outer * a.Sources];
            a.Y[i] = a.X[from * a.Inner + (i - row * a.Inner)];
        }
    }

    internal static void SumRows<R>(SumArgs<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var row = i / a.Inner;
            var outer = row / a.Rows;
            var r = row - outer * a.Rows;
            var column = i - row * a.Inner;
            var sum = a.Zero;
            if (a.HasStart != 0) { sum = a.Start[i]; }
            var end = a.Starts[r + 1];
            for (var j = a.Starts[r]; j < end; j++) { sum = sum + a.Src[(outer * a.Sources + a.Order[j]) * a.Inner + column]; }
            a.Y[i] = sum;
        }
    }

    internal struct GatherArgs<T> where T : unmanaged
    {
        public ArrayView<T> X, Y;
        public ArrayView<int> Source;
        public int Count, Sources, Rows, Inner;
    }

    internal struct SumArgs<R> where R : unmanaged
    {
        public ArrayView<R> Src, Start, Y;
        public ArrayView<int> Starts, Order;
        public R Zero;
        public int HasStart, Count, Sources, Rows, Inner;
    }
}
