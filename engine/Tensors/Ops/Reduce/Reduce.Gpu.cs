using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Reduction of x [outer, length, inner] to y [outer, inner].
// RowPerGroup (inner = 1): threads stride over the row, then a shared-memory tree. ColumnPerThread (inner > 1): neighbouring threads read
// neighbouring columns. Both are fixed trees: no atomics, same bits every time. Traffic: each element read once.
internal static class ReduceGpu
{
    private const int MaxThreads = 256;

    public static void Run<TReducer, R>(GpuDevice gpu, ArrayView<R> x, ArrayView<R> y, long outer, long length, long inner)
        where TReducer : struct, IReducer
        where R : unmanaged, IReal<R>
    {
        var args = new Args<R> { X = x, Y = y, Outer = checked((int)outer), Length = checked((int)length), Inner = checked((int)inner) };
        args.Identity = R.Of(TReducer.Identity);
        if (inner == 1) { gpu.LaunchGroups(RowPerGroup<TReducer, R>, outer, args); }
        else { gpu.LaunchElements(ColumnPerThread<TReducer, R>, outer * inner, args); }
    }

    internal static void RowPerGroup<TReducer, R>(Args<R> a) where TReducer : struct, IReducer where R : unmanaged, IReal<R>
    {
        var shared = SharedMemory.Allocate<R>(MaxThreads);
        for (var row = Grid.IdxX; row < a.Outer; row += Grid.DimX)
        {
            var sum = a.Identity;
            var start = row * a.Length;
            for (var i = Group.IdxX; i < a.Length; i += Group.DimX) { sum = TReducer.Combine(sum, a.X[start + i]); }
            shared[Group.IdxX] = sum;
            Group.Barrier();
            for (var half = Group.DimX >> 1; half > 0; half >>= 1)
            {
                if (Group.IdxX < half) { shared[Group.IdxX] = TReducer.Combine(shared[Group.IdxX], shared[Group.IdxX + half]); }
                Group.Barrier();
            }

            if (Group.IdxX == 0) { a.Y[row] = shared[0]; }
            Group.Barrier();
        }
    }

    internal static void ColumnPerThread<TReducer, R>(Args<R> a) where TReducer : struct, IReducer where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Outer * a.Inner; i += Grid.DimX * Group.DimX)
        {
            var outer = i / a.Inner;
            var start = outer * a.Length * a.Inner + (i - outer * a.Inner);
            var sum = a.Identity;
            for (var k = 0; k < a.Length; k++) { sum = TReducer.Combine(sum, a.X[start + k * a.Inner]); }
            a.Y[i] = sum;
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> X, Y;
        public R Identity;
        public int Outer, Length, Inner;
    }
}
