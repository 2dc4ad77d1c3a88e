using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Optim;

/// <summary>What is summed over a tensor's elements, and how.</summary>
internal interface INormTerm
{
    static abstract R Term<R>(R x) where R : struct, IReal<R>;

    static abstract R Combine<R>(R sum, R term) where R : struct, IReal<R>;

    /// <summary>The same on the host, over chunks and tensors.</summary>
    static abstract double Combine(double sum, double term);
}

/// <summary>Σ x².</summary>
internal readonly struct SquareTerm : INormTerm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Term<R>(R x) where R : struct, IReal<R> => x * x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Combine<R>(R sum, R term) where R : struct, IReal<R> => sum + term;

    public static double Combine(double sum, double term) => sum + term;
}

/// <summary>Σ |x|.</summary>
internal readonly struct AbsTerm : INormTerm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Term<R>(R x) where R : struct, IReal<R> => R.Abs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Combine<R>(R sum, R term) where R : struct, IReal<R> => sum + term;

    public static double Combine(double sum, double term) => sum + term;
}

/// <summary>max |x|; a NaN stays one (the plain maximum forgets it, and a broken gradient would pass for a small one).</summary>
internal readonly struct LargestTerm : INormTerm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Term<R>(R x) where R : struct, IReal<R> => R.Abs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Combine<R>(R sum, R term) where R : struct, IReal<R> =>
        R.Max(term, sum) + R.IfEqual(term, term, R.Of(0), term);

    public static double Combine(double sum, double term) => Math.Max(sum, term);
}

/// <summary>Sums over the elements of many tensors: fixed chunks by vectors or a group's tree, then the chunks in order in
/// double on the host. The same bits for any number of threads; one host synchronisation; nothing of a tensor's size is
/// allocated.</summary>
internal static class ChunkSums
{
    /// <summary>Elements of a chunk.</summary>
    public const int Chunk = 1 << 14;

    /// <summary>The sum over each tensor; they share device and element type.</summary>
    public static double[] Run<TTerm>(IReadOnlyList<Tensor> tensors) where TTerm : struct, INormTerm
    {
        using var noGrad = GradMode.NoGrad();
        using var scope = TensorScope.Begin();
        Tensor[] dense = [.. tensors.Select(t => t.Contiguous())];
        var (sums, chunks) = (new double[dense.Length], Chunks(dense));
        if (chunks.Length == 0) { return sums; }
        var partial = Tensor.EmptyLike(dense[0], [chunks.Length]);
        Kernel.Run(partial, new Launch<TTerm>(dense, chunks, partial));
        var values = partial.To(DType.F64).ToArray<double>();
        for (var i = 0; i < chunks.Length; i++) { sums[chunks[i].Tensor] = TTerm.Combine(sums[chunks[i].Tensor], values[i]); }
        return sums;
    }

    private static ChunkPlace[] Chunks(Tensor[] tensors)
    {
        var chunks = new List<ChunkPlace>();
        for (var i = 0; i < tensors.Length; i++)
        {
            for (long from = 0; from < tensors[i].Count; from += Chunk)
            {
                chunks.Add(new(i, from, (int)Math.Min(Chunk, tensors[i].Count - from)));
            }
        }

        return [.. chunks];
    }

    private readonly struct Launch<TTerm>(Tensor[] tensors, ChunkPlace[] chunks, Tensor partial) : IOpKernel
        where TTerm : struct, INormTerm
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            nint[] pointers = [.. tensors.Select(t => (nint)t.Pointer<T>())];
            Simd.Run<T, ChunkSumsCpu<TTerm, T>>(new(pointers, chunks, partial.Pointer<T>()));
        }

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
        {
            long first = 0;
            foreach (var tensor in tensors)
            {
                var count = (tensor.Count + Chunk - 1) / Chunk;
                if (count == 0) { continue; }
                device.LaunchGroups(ChunkSumsGpu.ChunkPerGroup<TTerm, R>, count, new ChunkSumsGpu.Args<R>
                {
                    X = tensor.View<R>(),
                    Partial = partial.View<R>().SubView(first, count),
                    Count = checked((int)tensor.Count),
                    Chunks = checked((int)count),
                });
                first += count;
            }
        }
    }
}

/// <summary>A chunk: number of its tensor, first element, length.</summary>
internal readonly record struct ChunkPlace(int Tensor, long From, int Count);
