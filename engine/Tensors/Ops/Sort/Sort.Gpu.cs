using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Sort, RankByCounting: one thread per value counts the values of its row that come before it, which is its place. Length² comparisons of
// integers that all threads of a warp read together; no barriers, no atomics, stable. Meant for rows up to some ten thousands.
internal static class SortGpu
{
    public static void Keys32(GpuDevice gpu, ArrayView<float> x, ArrayView<ulong> keys, bool descending) =>
        gpu.LaunchElements(MakeKeys32, x.Length, new KeyArgs<float> { X = x, Keys = keys, Flip = Flip(descending), Count = (int)x.Length });

    public static void Keys64(GpuDevice gpu, ArrayView<double> x, ArrayView<ulong> keys, bool descending) =>
        gpu.LaunchElements(MakeKeys64, x.Length, new KeyArgs<double> { X = x, Keys = keys, Flip = Flip(descending), Count = (int)x.Length });

    public static void Rank<R>(
        GpuDevice gpu, ArrayView<ulong> keys, ArrayView<R> x, ArrayView<R> values, ArrayView<long> indices, int length, int take)
        where R : unmanaged =>
        gpu.LaunchElements(RankRows, keys.Length, new RankArgs<R>
        {
            Keys = keys,
            X = x,
            Values = values,
            Indices = indices,
            Count = (int)keys.Length,
            Length = length,
            Take = take,
        });

    public static void Place<R>(GpuDevice gpu, ArrayView<R> dy, ArrayView<R> dx, ArrayView<long> indices, int length, int take)
        where R : unmanaged =>
        gpu.LaunchElements(PlaceRows, dy.Length, new PlaceArgs<R>
        {
            Dy = dy,
            Dx = dx,
            Indices = indices,
            Count = checked((int)dy.Length),
            Length = length,
            Take = take,
        });

    internal static void MakeKeys32(KeyArgs<float> a)
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            a.Keys[i] = SortOp.Key32(Interop.FloatAsInt(a.X[i])) ^ a.Flip;
        }
    }

    internal static void MakeKeys64(KeyArgs<double> a)
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            a.Keys[i] = SortOp.Key64(Interop.FloatAsInt(a.X[i])) ^ a.Flip;
        }
    }

    internal static void RankRows<R>(RankArgs<R> a) where R : unmanaged
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var row = i / a.Length;
            var start = row * a.Length;
            var key = a.Keys[i];
            var rank = 0;
            for (var j = 0; j < a.Length; j++)
            {
                var other = a.Keys[start + j];
                if (other < key) { rank++; }
                if (other == key && start + j < i) { rank++; }
            }

            if (rank < a.Take)
            {
                a.Values[row * a.Take + rank] = a.X[i];
                a.Indices[row * a.Take + rank] = i - start;
            }
        }
    }

    internal static void PlaceRows<R>(PlaceArgs<R> a) where R : unmanaged
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            a.Dx[i / a.Take * a.Length + (int)a.Indices[i]] = a.Dy[i];
        }
    }

    private static ulong Flip(bool descending) => descending ? ulong.MaxValue : 0;

    internal struct KeyArgs<T> where T : unmanaged
    {
        public ArrayView<T> X;
        public ArrayView<ulong> Keys;
        public ulong Flip;
        public int Count;
    }

    internal struct RankArgs<R> where R : unmanaged
    {
        public ArrayView<ulong> Keys;
        public ArrayView<R> X, Values;
        public ArrayView<long> Indices;
        public int Count, Length, Take;
    }

    internal struct PlaceArgs<R> where R : unmanaged
    {
        public ArrayView<R> Dy, Dx;
        public ArrayView<long> Indices;
        public int Count, Length, Take;
    }
}
