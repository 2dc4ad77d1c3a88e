using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// How operands reach the tiled product (GemmTiled.Gpu.cs). C[m, n] = Σ_k A(m, k)·B(n, k): both operands are "lines" along an
// inner axis k; a line is a row of A or a column of B. Whoever can say where element (line, k) lies has a matrix product: write
// one struct like StridedSource below, wrap it in ScalarStage<YourSource, R>, and start GemmTiled.Run(gpu, a, b, output,
// sizes). An implicit GEMM of a convolution is such a source: At() does the divisions that find the pixel of a line once per
// tile, Load(k) the channel and tap.

/// <summary>An operand of the tiled product, element by element.</summary>
/// <typeparam name="TSelf">The struct itself: views, sizes and, once placed, what is known of its line.</typeparam>
/// <typeparam name="R">Element.</typeparam>
internal interface ITileSource<TSelf, R> where TSelf : struct, ITileSource<TSelf, R> where R : unmanaged
{
    /// <summary>A copy placed at a line of a batch. A line past the last must give something readable (repeat the last line):
    /// what is
    /// computed of it is not stored.</summary>
    TSelf At(int batch, int line);

    /// <summary>Element k of the line; 0 for k past the end, without reading there. k is at least 0.</summary>
    R Load(int k);
}

/// <summary>How a group brings one operand's tile of Lines × Inner elements to shared memory: 4 elements per thread.</summary>
internal interface ITileStage<TSelf, R> where TSelf : struct, ITileStage<TSelf, R> where R : unmanaged, IReal<R>
{
    /// <summary>A copy placed at this thread's elements of the tile whose first line is given.</summary>
    TSelf At<TTile>(int batch, int firstLine) where TTile : struct, ITile<TTile, R>;

    /// <summary>This thread's elements of the step that starts at k.</summary>
    Pack4<R> Fetch(int k);

    /// <summary>Writes them to a buffer that holds element (line, k) at k·(Lines + 4) + line.</summary>
    void Store(ArrayView<Pack4<R>> shared, int buffer, Pack4<R> values);
}

/// <summary>Four elements, 16 bytes of f32: one vector load or store.</summary>
internal struct Pack4<R> where R : unmanaged, IReal<R>
{
    public R V0, V1, V2, V3;

    public static Pack4<R> Zero => new() { V0 = R.Of(0), V1 = R.Of(0), V2 = R.Of(0), V3 = R.Of(0) };

    // x·y + c
    public static Pack4<R> MultiplyAdd(R x, Pack4<R> y, Pack4<R> c) => new()
    {
        V0 = R.MultiplyAdd(x, y.V0, c.V0),
        V1 = R.MultiplyAdd(x, y.V1, c.V1),
        V2 = R.MultiplyAdd(x, y.V2, c.V2),
        V3 = R.MultiplyAdd(x, y.V3, c.V3),
    };
}

/// <summary>A matrix with any strides.</summary>
internal struct StridedSource<R> : ITileSource<StridedSource<R>, R> where R : unmanaged, IReal<R>
{
    public ArrayView<R> View;
    public int LineStride, InnerStride, BatchStride, LastLine, LastInner, Start;

    public readonly StridedSource<R> At(int batch, int line)
    {
        var placed = this;
        placed.Start = batch * BatchStride + (line < LastLine ? line : LastLine) * LineStride;
        return placed;
    }

    // The load is never skipped, so that it needs no branch; past the end it repeats the last element and its value is dropped.
    public readonly R Load(int k)
    {
        var value = View[Start + (k < LastInner ? k : LastInner) * InnerStride];
        return k <= LastInner ? value : R.Of(0);
    }

    /// <summary>Whether groups of 4 elements lie in 16 aligned bytes of f32, given that the view starts so.</summary>
    public readonly bool IsVector => typeof(R) == typeof(G32) && BatchStride % 4 == 0
        && (InnerStride == 1 ? LineStride % 4 == 0 && LastInner % 4 == 3
            : LineStride == 1 && InnerStride % 4 == 0 && LastLine % 4 == 3);

    /// <summary>Stages element by element.</summary>
    public readonly ScalarStage<StridedSource<R>, R> Scalar() =>
        new() { Source = this, AlongInner = InnerStride < LineStride || LineStride == 0 ? 1 : 0 };

    /// <summary>Stages 4 elements at a time; only where <see cref="IsVector"/>.</summary>
    public readonly VectorStage<R> Vector() => InnerStride == 1
        ? new()
        {
            View = View.Cast<Pack4<R>>(),
            AlongInner = 1,
            LineStride = LineStride / 4,
            InnerStride = 1,
            BatchStride = BatchStride / 4,
            LastLine = LastLine,
            LastInner = LastInner,
        }
        : new()
        {
            View = View.Cast<Pack4<R>>(),
            LineStride = 1,
            InnerStride = InnerStride / 4,
            BatchStride = BatchStride / 4,
            LastLine = LastLine / 4,
            LastInner = LastInner,
        };
}
