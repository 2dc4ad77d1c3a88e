using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Rows along an axis, in the order of <paramref name="index"/> [K] (i64, repeats allowed): y[.., k, ..] = x[.., index[k], ..].
    /// An index on the host costs no wait for the device. Any element type (torch.index_select).</summary>
    /// <exception cref="ShapeException">The index has more than one axis, or a value outside the axis.</exception>
    public static Tensor IndexSelect(Tensor x, int axis, Tensor index)
    {
        axis = AxisOf("index_select", x, axis);
        Check.HasRank("index_select", "index", index, 1, "[K]");
        return IndexRows.Select("index_select", x, axis, RowMap.From("index_select", "index", index, x.Shape[axis], x.Device));
    }

    /// <summary>x with rows added along an axis: y[.., index[k], ..] += src[.., k, ..], in ascending k (torch.index_add).</summary>
    /// <exception cref="ShapeException">The source is not x's shape with K along the axis, or an index is outside.</exception>
    public static Tensor IndexAdd(Tensor x, int axis, Tensor index, Tensor src)
    {
        Check.SameFloat("index_add", x, src);
        axis = AxisOf("index_add", x, axis);
        Check.HasRank("index_add", "index", index, 1, "[K]");
        Check.HasShape("index_add", "source", src, x.Shape.With(axis, index.Shape[0]));
        var map = RowMap.From("index_add", "index", index, x.Shape[axis], x.Device);
        long outer = IndexRows.Size(x.Shape, 0, axis), inner = IndexRows.Size(x.Shape, axis + 1, x.Rank);
        return Tape.Record(IndexRows.Sum(src, x.Shape, outer, map, inner, x), new AddRowsGrad("index_add", src.Shape, outer, map, inner), x, src);
    }

    /// <summary>One element per index element: y[i, j, k] = x[i, index[i, j, k], k] for axis 1. <paramref name="index"/> (i64) has x's rank and
    /// is no larger than x along the other axes; y has its shape. Any element type (torch.gather).</summary>
    /// <exception cref="ShapeException">Ranks or sizes do not fit, or an index is outside the axis.</exception>
    public static Tensor Gather(Tensor x, int axis, Tensor index)
    {
        axis = AxisOf("gather", x, axis);
        var map = FlatMap("gather", x, axis, index);
        var y = IndexRows.Gather(x, index.Shape, 1, map, 1);
        return Tape.Record(y, new GatherGrad(x.Shape, map), x);
    }

    /// <summary>x with elements added: y[i, index[i, j, k], k] += src[i, j, k] for axis 1, in row-major order of the source
    /// (torch.scatter_add). <paramref name="src"/> may be larger than <paramref name="index"/>; only its corner of the index's size
    /// is read.</summary>
    /// <exception cref="ShapeException">Ranks or sizes do not fit, or an index is outside the axis.</exception>
    public static Tensor ScatterAdd(Tensor x, int axis, Tensor index, Tensor src)
    {
        Check.SameFloat("scatter_add", x, src);
        axis = AxisOf("scatter_add", x, axis);
        Check.HasRank("scatter_add", "source", src, x.Rank, $"{x.Rank} axes like x");
        for (var i = 0; i < Math.Min(src.Rank, index.Rank); i++)
        {
            Check.That(index.Shape[i] <= src.Shape[i], $"scatter_add: index is {index.Shape}, larger than the source {src.Shape} along axis {i}");
            src = src.Shape[i] == index.Shape[i] ? src : src.Slice(i, 0, index.Shape[i]);
        }

        var map = FlatMap("scatter_add", x, axis, index);
        return Tape.Record(IndexRows.Sum(src, x.Shape, 1, map, 1, x), new AddRowsGrad("scatter_add", src.Shape, 1, map, 1), x, src);
    }

    private static int AxisOf(string op, Tensor x, int axis)
    {
        Check.That(x.Rank > 0, $"{op}: x is a scalar, which has no axis; Reshape(1) it first");
        return x.Shape.Axis(axis, op);
    }

    // Flat place in x of every element of the index: a counter over the index's axes, with the id in place of the gathered axis.
    private static RowMap FlatMap(string op, Tensor x, int axis, Tensor index)
    {
        Check.That(index.Rank == x.Rank, $"{op}: index is {index.Shape}, expected {x.Rank} axes like x {x.Shape}");
        for (var i = 0; i < x.Rank; i++)
        {
            Check.That(i == axis || index.Shape[i] <= x.Shape[i], $"{op}: index is {index.Shape}, larger than x {x.Shape} along axis {i}");
        }

        var ids = RowMap.Read(op, "index", index, x.Device);
        var strides = x.Shape.Strides();
        var source = new int[ids.Length];
        var at = new int[x.Rank];
        for (var k = 0; k < ids.Length; k++)
        {
            RowMap.InRange(op, "index", ids[k], k, x.Shape[axis]);
            var flat = ids[k] * strides[axis];
            for (var i = 0; i < at.Length; i++) { flat += i == axis ? 0 : at[i] * strides[i]; }
            source[k] = checked((int)flat);
            for (var i = at.Length - 1; i >= 0 && ++at[i] == index.Shape[i]; i--) { at[i] = 0; }
        }

        return new RowMap(source, checked((int)x.Count));
    }

    private sealed class GatherGrad(Shape shape, RowMap map) : GradFn
    {
        public override string Name => "gather";

        protected internal override Tensor?[] Backward(Tensor dy) => [IndexRows.Sum(dy, shape, 1, map, 1)];
    }

    private sealed class AddRowsGrad(string op, Shape source, long outer, RowMap map, long inner) : GradFn
    {
        public override string Name => op;

        protected internal override Tensor?[] Backward(Tensor dy) =>
            [Needs(0) ? dy : null, Needs(1) ? IndexRows.Gather(dy, source, outer, map, inner) : null];
    }
}
