using System;
using System.Linq;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>A reduction: an identity and an associative combination.</summary>
internal interface IReducer
{
    static abstract double Identity { get; }

    static abstract R Combine<R>(R accumulator, R x) where R : struct, IReal<R>;
}

internal readonly struct SumReducer : IReducer
{
    public static double Identity => 0;

    public static R Combine<R>(R accumulator, R x) where R : struct, IReal<R> => accumulator + x;
}

internal readonly struct MaxReducer : IReducer
{
    public static double Identity => double.NegativeInfinity;

    // NaN wins: R.Max lets a NaN in its second operand through, the outer selection one in the first.
    public static R Combine<R>(R accumulator, R x) where R : struct, IReal<R> =>
        R.IfEqual(accumulator, accumulator, R.Max(accumulator, x), accumulator);
}

internal readonly struct MinReducer : IReducer
{
    public static double Identity => double.PositiveInfinity;

    public static R Combine<R>(R accumulator, R x) where R : struct, IReal<R> =>
        R.IfEqual(accumulator, accumulator, R.Min(accumulator, x), accumulator);
}

internal readonly struct ProductReducer : IReducer
{
    public static double Identity => 1;

    public static R Combine<R>(R accumulator, R x) where R : struct, IReal<R> => accumulator * x;
}

/// <summary>Reductions over any set of axes, as a fixed tree: same bits for any number of threads.</summary>
internal static class ReduceOp
{
    // Long reductions with few outputs are cut into pieces of this length, reduced in parallel, then reduced again.
    private const int Piece = 1 << 12;

    /// <summary>Reduces the given axes; the result keeps them as size 1. Not recorded.</summary>
    public static Tensor Run<TReducer>(string op, Tensor x, ReadOnlySpan<int> axes) where TReducer : struct, IReducer
    {
        Check.SameFloat(op, x);
        var reduced = Normalize(op, x.Shape, axes);
        var kept = Keep(x.Shape, reduced);
        var (dense, outer, length, inner) = Canonical(x, reduced);
        var y = Tensor.EmptyLike(x, kept);
        if (y.Count == 0) { return y; }
        if (length == 0) { CopyOp.Fill(y, TReducer.Identity); return y; }
        if (outer * inner < 64 && length >= 2 * Piece && length % Piece == 0)
        {
            var pieces = Tensor.EmptyLike(x, [(int)outer, (int)(length / Piece), (int)inner]);
            Kernel.Run(x, new Launch<TReducer>(dense, pieces, outer * (length / Piece), Piece, inner));
            (dense, length) = (pieces, length / Piece);
        }

        Kernel.Run(x, new Launch<TReducer>(dense, y, outer, length, inner));
        return y;
    }

    /// <summary>The axes as sorted non-negative numbers; none given means all.</summary>
    public static int[] Normalize(string op, Shape shape, ReadOnlySpan<int> axes)
    {
        if (axes.IsEmpty) { return [.. Enumerable.Range(0, shape.Length)]; }
        var result = axes.ToArray().Select(a => shape.Axis(a, op)).Order().ToArray();
        Check.That(result.Distinct().Count() == result.Length, $"{op}: an axis is named twice in [{string.Join(", ", result)}]");
        return shape.Length == 0 ? [] : result;
    }

    /// <summary>A shape with the reduced axes set to 1.</summary>
    public static Shape Keep(Shape shape, int[] reduced)
    {
        var sizes = shape.AsSpan().ToArray();
        foreach (var axis in reduced) { sizes[axis] = 1; }
        return sizes;
    }

    // x as [outer, length, inner]: in place when the reduced axes are neighbours, else permuted to the end and copied.
    private static (Tensor X, long Outer, long Length, long Inner) Canonical(Tensor x, int[] reduced)
    {
        using var noGrad = GradMode.NoGrad();
        long Product(int from, int to)
        {
            long n = 1;
            for (var i = from; i < to; i++) { n *= x.Shape[i]; }
            return n;
        }

        if (reduced.Length == 0) { return (x.Contiguous(), x.Count, 1, 1); }
        int first = reduced[0], end = reduced[^1] + 1;
        if (end - first == reduced.Length) { return (x.Contiguous(), Product(0, first), Product(first, end), Product(end, x.Rank)); }
        var kept = Enumerable.Range(0, x.Rank).Except(reduced).ToArray();
        long length = reduced.Aggregate(1L, (n, a) => n * x.Shape[a]);
        return (x.Permute([.. kept, .. reduced]).Contiguous(), kept.Aggregate(1L, (n, a) => n * x.Shape[a]), length, 1);
    }

    private readonly struct Launch<TReducer>(Tensor x, Tensor y, long outer, long length, long inner) : IOpKernel
        where TReducer : struct, IReducer
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            Simd.Run<T, ReduceCpu<TReducer, T>>(new ReduceCpu<TReducer, T>(x.Pointer<T>(), y.Pointer<T>(), outer, length, inner));

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> =>
            ReduceGpu.Run<TReducer, R>(device, x.View<R>(), y.View<R>(), outer, length, inner);
    }
}
