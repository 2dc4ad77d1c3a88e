using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// dropout, GridStride: one element per thread, its word drawn again from (seed, stream, run). Traffic: x in, y out.
internal static class DropGpu
{
    internal static void Run<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var word = Philox.Word(a.Seed, a.Stream, (ulong)(i / a.Run));
            var y = R.Of(0);
            if (word >> 8 >= a.Threshold) { y = a.X[i] * a.Scale; }
            a.Y[i] = y;
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> X, Y;
        public R Scale;
        public ulong Seed, Stream;
        public uint Threshold;
        public int Count, Run;
    }
}
