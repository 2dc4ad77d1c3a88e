using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Optim;

// partial[chunk] = Σ term, ChunkPerGroup: threads stride over the chunk, then a shared-memory tree. No atomics.
internal static class ChunkSumsGpu
{
    private const int MaxThreads = 256;

    internal static void ChunkPerGroup<TTerm, R>(Args<R> a) where TTerm : struct, INormTerm where R : unmanaged, IReal<R>
    {
        var shared = SharedMemory.Allocate<R>(MaxThreads);
        for (var chunk = Grid.IdxX; chunk < a.Chunks; chunk += Grid.DimX)
        {
            var from = chunk * ChunkSums.Chunk;
            var to = from + ChunkSums.Chunk < a.Count ? from + ChunkSums.Chunk : a.Count;
            var sum = R.Of(0);
            for (var i = from + Group.IdxX; i < to; i += Group.DimX) { sum = TTerm.Combine(sum, TTerm.Term(a.X[i])); }
            shared[Group.IdxX] = sum;
            Group.Barrier();
            for (var half = Group.DimX >> 1; half > 0; half >>= 1)
            {
                if (Group.IdxX < half) { shared[Group.IdxX] = TTerm.Combine(shared[Group.IdxX], shared[Group.IdxX + half]); }
                Group.Barrier();
            }

            if (Group.IdxX == 0) { a.Partial[chunk] = shared[0]; }
            Group.Barrier();
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> X, Partial;
        public int Count, Chunks;
    }
}
