using ILGPU;

namespace FlorenceKernels.Tensors;

// argmax of x [N, C], RowPerGroup: each thread keeps the first best of its elements, a tree in shared memory the best of the group; of equal
// values the lower index wins, so the result does not depend on the group size. Traffic: x in.
internal static class ArgMaxGpu
{
    internal static void RowPerGroup<T, TOrder>(Args<T> a) where T : unmanaged where TOrder : struct, IOrder<T>
    {
        var keys = SharedMemory.Allocate<T>(GroupTree.MaxThreads);
        var places = SharedMemory.Allocate<int>(GroupTree.MaxThreads);
        for (var row = Grid.IdxX; row < a.N; row += Grid.DimX)
        {
            var start = row * a.C;
            // Threads beyond the row stand for its first element, whose index no other element of equal value undercuts.
            var place = Group.IdxX < a.C ? Group.IdxX : 0;
            var key = a.X[start + place];
            for (var i = place + Group.DimX; i < a.C; i += Group.DimX)
            {
                var other = a.X[start + i];
                if (TOrder.IsBetter(other, key))
                {
                    key = other;
                    place = i;
                }
            }

            keys[Group.IdxX] = key;
            places[Group.IdxX] = place;
            Group.Barrier();
            for (var half = Group.DimX >> 1; half > 0; half >>= 1)
            {
                if (Group.IdxX < half) { Merge<T, TOrder>(keys, places, Group.IdxX, Group.IdxX + half); }
                Group.Barrier();
            }

            if (Group.IdxX == 0)
            {
                a.Y[row] = keys[0];
                a.Indices[row] = places[0];
            }

            Group.Barrier();
        }
    }

    private static void Merge<T, TOrder>(ArrayView<T> keys, ArrayView<int> places, int mine, int other) where T : unmanaged where TOrder : struct, IOrder<T>
    {
        var wins = TOrder.IsBetter(keys[other], keys[mine]);
        if (!wins && !TOrder.IsBetter(keys[mine], keys[other])) { wins = places[other] < places[mine]; }
        if (wins)
        {
            keys[mine] = keys[other];
            places[mine] = places[other];
        }
    }

    internal static void Backward<T>(Args<T> a) where T : unmanaged
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.N * a.C; i += Grid.DimX * Group.DimX)
        {
            var row = i / a.C;
            T dx = default;
            if (a.Indices[row] == i - row * a.C) { dx = a.X[row]; }
            a.Y[i] = dx;
        }
    }

    internal struct Args<T> where T : unmanaged
    {
        public ArrayView<T> X, Y;          // X [N, C], Y [N]; backward X [N], Y [N, C]
        public ArrayView<long> Indices;    // [N]
        public int N, C;
    }
}
