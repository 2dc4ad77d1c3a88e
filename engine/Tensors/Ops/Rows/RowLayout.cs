using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>One axis of a tensor as the rows of a dense matrix: in place for the last axis, else moved to the end and copied.</summary>
internal static class RowLayout
{
    /// <summary>[..., n, ...] as a dense [rows, n], outside the graph.</summary>
    public static Tensor Rows(Tensor x, int axis)
    {
        using var noGrad = GradMode.NoGrad();
        var n = x.Rank == 0 ? 1 : x.Shape[axis];
        return MoveToEnd(x, axis).Contiguous().Detach().Reshape(Height(x.Shape, axis), n);
    }

    /// <summary>The inverse of <see cref="Rows"/>: [rows, n] as <paramref name="shape"/>, n along <paramref name="axis"/>; a view.</summary>
    public static Tensor Restore(Tensor rows, Shape shape, int axis)
    {
        using var noGrad = GradMode.NoGrad();
        if (shape.Length == 0 || axis == shape.Length - 1) { return rows.Reshape(shape); }
        var order = Order(shape.Length, axis);
        var inverse = new int[order.Length];
        for (var i = 0; i < order.Length; i++) { inverse[order[i]] = i; }
        return rows.Reshape([.. order.Select(a => shape[a])]).Permute(inverse);
    }

    /// <summary>Number of rows.</summary>
    public static int Height(Shape shape, int axis)
    {
        long rows = 1;
        for (var i = 0; i < shape.Length; i++) { rows *= i == axis ? 1 : shape[i]; }
        return checked((int)rows);
    }

    /// <summary>A shape without one axis.</summary>
    public static Shape Without(Shape shape, int axis) => [.. Enumerable.Range(0, shape.Length).Where(i => i != axis).Select(i => shape[i])];

    private static Tensor MoveToEnd(Tensor x, int axis) => x.Rank == 0 || axis == x.Rank - 1 ? x : x.Permute(Order(x.Rank, axis));

    private static int[] Order(int rank, int axis) => [.. Enumerable.Range(0, rank).Where(i => i != axis), axis];
}
