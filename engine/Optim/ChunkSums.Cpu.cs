using System.Numerics;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Optim;

// partial[chunk] = Σ term, FourAccumulators: four vectors per chunk, combined in a fixed order, then their lanes, then the tail.
// One parallel region over the chunks of all tensors. Traffic: each element read once.
internal readonly unsafe struct ChunkSumsCpu<TTerm, T>(nint[] tensors, ChunkPlace[] chunks, T* partial) : ISimdKernel<T>
    where TTerm : struct, INormTerm
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public void Run<R>() where R : struct, ISimd<R, T>
    {
        var (from, places) = (tensors, chunks);
        var sums = partial;
        CpuThreads.For(places.Length, i => Sum<R>((T*)from[places[i].Tensor] + places[i].From, places[i].Count).Store(sums + i));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Scalar<T> Sum<R>(T* x, int count) where R : struct, ISimd<R, T>
    {
        R zero = R.Of(0), s0 = zero, s1 = zero, s2 = zero, s3 = zero;
        var i = 0;
        for (; i + 4 * R.Count <= count; i += 4 * R.Count)
        {
            s0 = TTerm.Combine(s0, TTerm.Term(R.Load(x + i)));
            s1 = TTerm.Combine(s1, TTerm.Term(R.Load(x + i + R.Count)));
            s2 = TTerm.Combine(s2, TTerm.Term(R.Load(x + i + 2 * R.Count)));
            s3 = TTerm.Combine(s3, TTerm.Term(R.Load(x + i + 3 * R.Count)));
        }

        for (; i + R.Count <= count; i += R.Count) { s0 = TTerm.Combine(s0, TTerm.Term(R.Load(x + i))); }
        var lanes = stackalloc T[R.Count];
        TTerm.Combine(TTerm.Combine(s0, s1), TTerm.Combine(s2, s3)).Store(lanes);
        var sum = new Scalar<T>(lanes[0]);
        for (var lane = 1; lane < R.Count; lane++) { sum = TTerm.Combine(sum, new Scalar<T>(lanes[lane])); }
        for (; i < count; i++) { sum = TTerm.Combine(sum, TTerm.Term(new Scalar<T>(x[i]))); }
        return sum;
    }
}
