using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Largest element over the given axes (all when none is given); NaN wins. Equal largest elements share the gradient evenly.</summary>
    /// <param name="x">Any shape.</param> <param name="axes">Reduced axes, none of size 0.</param> <param name="keepDim">Keeps them as size 1.</param>
    /// <exception cref="ShapeException">An axis does not exist, is named twice or is empty.</exception>
    public static Tensor Amax(Tensor x, ReadOnlySpan<int> axes = default, bool keepDim = false) => Extreme<MaxReducer>("amax", x, axes, keepDim);

    /// <summary>Smallest element over the given axes (all when none is given); NaN wins. Equal smallest elements share the gradient evenly.</summary>
    /// <inheritdoc cref="Amax"/>
    public static Tensor Amin(Tensor x, ReadOnlySpan<int> axes = default, bool keepDim = false) => Extreme<MinReducer>("amin", x, axes, keepDim);

    /// <summary>The same as <see cref="Amax"/>.</summary>
    /// <inheritdoc cref="Amax"/>
    public static Tensor Max(Tensor x, ReadOnlySpan<int> axes = default, bool keepDim = false) => Extreme<MaxReducer>("max", x, axes, keepDim);

    /// <summary>The same as <see cref="Amin"/>.</summary>
    /// <inheritdoc cref="Amin"/>
    public static Tensor Min(Tensor x, ReadOnlySpan<int> axes = default, bool keepDim = false) => Extreme<MinReducer>("min", x, axes, keepDim);

    private static Tensor Extreme<TReducer>(string op, Tensor x, ReadOnlySpan<int> axes, bool keepDim) where TReducer : struct, IReducer
    {
        Check.SameFloat(op, x);
        var reduced = ReduceOp.Normalize(op, x.Shape, axes);
        foreach (var axis in reduced) { Check.That(x.Shape[axis] > 0, $"{op}: axis {axis} of {x.Shape} is empty and has no extreme"); }
        var y = ReduceOp.Run<TReducer>(op, x, reduced);
        y = Tape.Record(y, new ExtremeGrad(op, x, y, reduced), x);
        return keepDim ? y : Drop(y, reduced);
    }

    private sealed class ExtremeGrad : GradFn
    {
        private readonly SavedTensor _x, _y;
        private readonly string _op;
        private readonly int[] _axes;

        public ExtremeGrad(string op, Tensor x, Tensor y, int[] axes)
        {
            (_x, _y) = (Save(x), Save(y));
            (_op, _axes) = (op, axes);
        }

        public override string Name => _op;

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            Tensor x = _x.Value, hits = Tensor.EmptyLike(x);
            Map.Run<EqualMap>(_op, hits, x, _y.Value);
            var count = ReduceOp.Run<SumReducer>(_op, hits, _axes);
            return [hits * (dy / count)];
        }
    }
}
