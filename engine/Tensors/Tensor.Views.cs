using System;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public sealed partial class Tensor
{
    /// <summary>Same elements in another shape; one size may be −1. A view when the layout allows, else a copy.</summary>
    /// <exception cref="ShapeException">The element counts differ.</exception>
    public Tensor Reshape(params ReadOnlySpan<int> sizes)
    {
        var shape = Resolve(sizes);
        if (shape == Shape) { return ViewAs(shape, _strides, Offset, new ReshapeGrad(Shape)); }
        var strides = IsContiguous ? shape.Strides() : TryStrides(shape);
        if (strides is null) { return Contiguous().Reshape(shape.AsSpan()); }
        return ViewAs(shape, strides, Offset, new ReshapeGrad(Shape));
    }

    /// <summary>Axes in another order; a view. <c>Permute(0, 2, 1)</c>.</summary>
    public Tensor Permute(params ReadOnlySpan<int> order)
    {
        var axes = order.ToArray();
        for (var i = 0; i < axes.Length; i++) { axes[i] = Shape.Axis(axes[i], "permute"); }
        if (axes.Length != Rank || axes.Distinct().Count() != Rank)
        {
            throw new ShapeException($"permute: [{string.Join(", ", axes)}] is not an order of the {Rank} axes of {Shape}");
        }

        var inverse = new int[Rank];
        for (var i = 0; i < Rank; i++) { inverse[axes[i]] = i; }
        return ViewAs(axes.Select(a => Shape[a]).ToArray(), axes.Select(a => _strides[a]).ToArray(), Offset, new PermuteGrad(inverse));
    }

    /// <summary>Two axes swapped; a view.</summary>
    public Tensor Transpose(int a, int b)
    {
        var order = Enumerable.Range(0, Rank).ToArray();
        (a, b) = (Shape.Axis(a, "transpose"), Shape.Axis(b, "transpose"));
        (order[a], order[b]) = (order[b], order[a]);
        return Permute(order);
    }

    /// <summary>The last two axes swapped; a view.</summary>
    public Tensor T() => Transpose(-2, -1);

    /// <summary>Elements start, start + step, … along one axis; a view. Negative starts count from the end.</summary>
    public Tensor Slice(int axis, int start, int length, int step = 1)
    {
        axis = Shape.Axis(axis, "slice");
        var size = Shape[axis];
        if (start < 0) { start += size; }
        var last = start + (length - 1) * step;
        Check.That(step > 0 && length >= 0 && start >= 0 && (length == 0 || last < size),
            $"slice: start {start}, length {length}, step {step} leave axis {axis} of {Shape}");
        var strides = _strides.ToArray();
        strides[axis] *= step;
        return ViewAs(Shape.With(axis, length), strides, Offset + start * _strides[axis], new SliceGrad(Shape, axis, start, length, step));
    }

    /// <summary>One index of an axis, which disappears; a view.</summary>
    public Tensor Select(int axis, int index)
    {
        axis = Shape.Axis(axis, "select");
        return Slice(axis, index, 1).Squeeze(axis);
    }

    /// <summary>Drops an axis of size 1; a view.</summary>
    public Tensor Squeeze(int axis)
    {
        axis = Shape.Axis(axis, "squeeze");
        Check.That(Shape[axis] == 1, $"squeeze: axis {axis} of {Shape} is not 1");
        return Reshape([.. Shape.AsSpan()[..axis], .. Shape.AsSpan()[(axis + 1)..]]);
    }

    /// <summary>Inserts an axis of size 1; a view.</summary>
    public Tensor Unsqueeze(int axis)
    {
        if (axis < 0) { axis += Rank + 1; }
        Check.That(axis >= 0 && axis <= Rank, $"unsqueeze: axis {axis} does not exist for {Shape}");
        var strides = _strides.ToList();
        strides.Insert(axis, axis < Rank ? _strides[axis] * Shape[axis] : 1);
        return ViewAs([.. Shape.AsSpan()[..axis], 1, .. Shape.AsSpan()[axis..]], [.. strides], Offset, new ReshapeGrad(Shape));
    }

    /// <summary>Axes of size 1 repeated without copying, and new leading axes; a view with stride 0.</summary>
    public Tensor Expand(params ReadOnlySpan<int> sizes)
    {
        var shape = Shape.Create(sizes);
        var strides = BroadcastStrides(shape, "expand");
        return ViewAs(shape, strides, Offset, new ExpandGrad(Shape));
    }

    /// <summary>Neighbouring axes merged into one.</summary>
    public Tensor Flatten(int first = 0, int last = -1)
    {
        (first, last) = (Shape.Axis(first, "flatten"), Shape.Axis(last, "flatten"));
        return Reshape([.. Shape.AsSpan()[..first], -1, .. Shape.AsSpan()[(last + 1)..]]);
    }

    /// <summary>This tensor if it is contiguous, else a row-major copy.</summary>
    public Tensor Contiguous() => IsContiguous ? this : Tape.Record(CopyOp.Copy(this), new ReshapeGrad(Shape), this);

    /// <summary>A row-major copy, outside the graph.</summary>
    public Tensor Clone() => CopyOp.Copy(this);

    internal Tensor ContiguousUntracked() => IsContiguous ? Untracked() : TensorScope.Release(CopyOp.Copy(this));

    /// <summary>Strides of this tensor read as <paramref name="shape"/>: 0 along broadcast axes.</summary>
    internal long[] BroadcastStrides(Shape shape, string op)
    {
        var strides = new long[shape.Length];
        var lead = shape.Length - Rank;
        Check.That(lead >= 0, $"{op}: {Shape} has more axes than {shape}");
        for (var i = 0; i < Rank; i++)
        {
            var (have, want) = (Shape[i], shape[lead + i]);
            Check.That(have == want || have == 1, $"{op}: {Shape} does not broadcast to {shape}");
            strides[lead + i] = have == want ? _strides[i] : 0;
        }

        return strides;
    }

    private Tensor ViewAs(Shape shape, long[] strides, long offset, GradFn grad) => Tape.Record(Alias(shape, strides, offset), grad, this);

    private Shape Resolve(ReadOnlySpan<int> sizes)
    {
        var result = sizes.ToArray();
        var free = Array.IndexOf(result, -1);
        if (free >= 0)
        {
            long known = 1;
            for (var i = 0; i < result.Length; i++) { known *= i == free ? 1 : result[i]; }
            Check.That(known > 0 && Count % known == 0, $"reshape: {Shape} has no size for the -1 of [{string.Join(", ", result)}]");
            result[free] = (int)(Count / known);
        }

        var shape = Shape.Create(result);
        Check.That(shape.Count == Count, $"reshape: {Shape} ({Count} elements) does not fit {shape} ({shape.Count})");
        return shape;
    }

    // Strides of a view in the new shape, or null when only a copy will do: each old axis group must merge or split evenly.
    private long[]? TryStrides(Shape shape)
    {
        if (Count == 0) { return shape.Strides(); }
        var strides = new long[shape.Length];
        var j = shape.Length - 1;
        for (var i = Rank - 1; i >= 0;)
        {
            long group = Shape[i], step = _strides[i];
            var k = i - 1;
            for (; k >= 0 && (Shape[k] == 1 || _strides[k] == step * group); k--) { group *= Shape[k]; }
            long done = 1;
            for (; j >= 0 && done * shape[j] <= group && group % (done * shape[j]) == 0 && (done < group || shape[j] == 1); j--)
            {
                strides[j] = step * done;
                done *= shape[j];
            }

            if (done != group) { return null; }
            i = k;
        }

        for (; j >= 0; j--) { strides[j] = 1; }
        return strides;
    }

    private sealed class ReshapeGrad(Shape shape) : GradFn
    {
        public override string Name => "reshape";

        protected internal override Tensor?[] Backward(Tensor dy) => [dy.Reshape(shape)];
    }

    private sealed class PermuteGrad(int[] inverse) : GradFn
    {
        public override string Name => "permute";

        protected internal override Tensor?[] Backward(Tensor dy) => [dy.Permute(inverse)];
    }

    private sealed class ExpandGrad(Shape shape) : GradFn
    {
        public override string Name => "expand";

        protected internal override Tensor?[] Backward(Tensor dy) => [F.SumTo(dy, shape)];
    }

    private sealed class SliceGrad(Shape shape, int axis, int start, int length, int step) : GradFn
    {
        public override string Name => "slice";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var dx = Zeros(shape, dy.DType, dy.Device);
            CopyOp.Into(dx.Slice(axis, start, length, step), dy);
            return [dx];
        }
    }
}
