using System;
using System.Linq;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Elements shifted along axes, wrapping around: y[i] = x[(i − shift) mod size]. Two block copies per shifted axis, no indices.
    /// Any element type (torch.roll).</summary>
    /// <exception cref="FlorenceKernels.Runtime.ShapeException">The lists differ in length, or an axis does not exist or is named twice.</exception>
    public static Tensor Roll(Tensor x, ReadOnlySpan<int> shifts, ReadOnlySpan<int> axes)
    {
        Check.That(shifts.Length == axes.Length, $"roll: {shifts.Length} shifts for {axes.Length} axes");
        var along = DistinctAxes("roll", x, axes);
        var by = shifts.ToArray();
        var y = Tensor.EmptyLike(x);
        if (y.Count > 0)
        {
            using var noGrad = GradMode.NoGrad();
            using var scope = TensorScope.Begin();
            RollBlocks(y, x, by, along, 0);
        }

        return Tape.Record(y, new RollGrad([.. by.Select(s => -s)], along), x);
    }

    /// <summary>Axes reversed. Any element type (torch.flip).</summary>
    /// <exception cref="FlorenceKernels.Runtime.ShapeException">An axis does not exist or is named twice.</exception>
    public static Tensor Flip(Tensor x, params ReadOnlySpan<int> axes)
    {
        var along = DistinctAxes("flip", x, axes);
        Tensor y = x;
        using (GradMode.NoGrad())
        {
            using var scope = TensorScope.Begin();
            foreach (var axis in along) { y = IndexRows.Select("flip", y, axis, Reversed(x.Shape[axis])); }
            y = scope.Keep(along.Length == 0 ? x.Detach() : y);
        }

        return Tape.Record(y, new FlipGrad(along), x);
    }

    private static RowMap Reversed(int size) => new([.. Enumerable.Range(0, size).Reverse()], size);

    private static int[] DistinctAxes(string op, Tensor x, ReadOnlySpan<int> axes)
    {
        var along = new int[axes.Length];
        for (var i = 0; i < along.Length; i++) { along[i] = AxisOf(op, x, axes[i]); }
        Check.That(along.Distinct().Count() == along.Length, $"{op}: an axis is named twice in [{string.Join(", ", along)}]");
        return along;
    }

    private static void RollBlocks(Tensor y, Tensor x, int[] shifts, int[] axes, int next)
    {
        if (next == axes.Length)
        {
            CopyOp.Into(y, x);
            return;
        }

        int axis = axes[next], size = x.Shape[axis];
        var shift = (shifts[next] % size + size) % size;
        RollBlocks(y.Slice(axis, shift, size - shift), x.Slice(axis, 0, size - shift), shifts, axes, next + 1);
        if (shift > 0) { RollBlocks(y.Slice(axis, 0, shift), x.Slice(axis, size - shift, shift), shifts, axes, next + 1); }
    }

    private sealed class RollGrad(int[] shifts, int[] axes) : GradFn
    {
        public override string Name => "roll";

        protected internal override Tensor?[] Backward(Tensor dy) => [Roll(dy, shifts, axes)];
    }

    private sealed class FlipGrad(int[] axes) : GradFn
    {
        public override string Name => "flip";

        protected internal override Tensor?[] Backward(Tensor dy) => [Flip(dy, axes)];
    }
}
