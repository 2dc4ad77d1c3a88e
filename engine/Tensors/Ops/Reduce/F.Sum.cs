using System;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Sum over the given axes (all when none is given); reduced axes disappear unless <paramref name="keepDim"/>.</summary>
    public static Tensor Sum(Tensor x, ReadOnlySpan<int> axes = default, bool keepDim = false)
    {
        var reduced = ReduceOp.Normalize("sum", x.Shape, axes);
        var y = Tape.Record(ReduceOp.Run<SumReducer>("sum", x, reduced), new SumGrad(x.Shape), x);
        return keepDim ? y : Drop(y, reduced);
    }

    /// <summary>Mean over the given axes (all when none is given).</summary>
    public static Tensor Mean(Tensor x, ReadOnlySpan<int> axes = default, bool keepDim = false)
    {
        var n = ReduceOp.Normalize("mean", x.Shape, axes).Aggregate(1L, (p, a) => p * x.Shape[a]);
        return Sum(x, axes, keepDim) * (1.0 / n);
    }

    /// <summary>The adjoint of broadcasting: sums a tensor down to a shape it was broadcast from.</summary>
    internal static Tensor SumTo(Tensor x, Shape shape)
    {
        if (x.Shape == shape) { return x; }
        var lead = x.Rank - shape.Length;
        var axes = Enumerable.Range(0, x.Rank).Where(i => i < lead || (shape[i - lead] == 1 && x.Shape[i] != 1)).ToArray();
        return axes.Length == 0 ? x.Reshape(shape) : ReduceOp.Run<SumReducer>("sum", x, axes).Reshape(shape);
    }

    /// <summary>Removes axes of size 1.</summary>
    internal static Tensor Drop(Tensor y, int[] axes) =>
        y.Reshape([.. Enumerable.Range(0, y.Rank).Except(axes).Select(i => y.Shape[i])]);

    private sealed class SumGrad(Shape shape) : GradFn
    {
        public override string Name => "sum";

        protected internal override Tensor?[] Backward(Tensor dy) => [dy.Expand(shape.AsSpan())];
    }
}
