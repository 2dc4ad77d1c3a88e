using System;
using System.Linq;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>y = e^{x − max}/Σe^{x − max} along an axis. −∞ gives 0; a row of −∞ alone gives 0 with gradient 0 (torch: NaN), so that a fully
    /// masked row is silent.</summary>
    /// <param name="x">Any shape.</param> <param name="axis">The axis that sums to 1.</param>
    /// <exception cref="ShapeException">The axis does not exist.</exception>
    public static Tensor Softmax(Tensor x, int axis = -1) => SoftmaxOp.Apply("softmax", x, axis, SoftmaxForm.Probability);

    /// <summary>y = x − max − ln Σe^{x − max} along an axis. A row of −∞ alone gives −∞ (torch: NaN).</summary>
    /// <inheritdoc cref="Softmax"/>
    public static Tensor LogSoftmax(Tensor x, int axis = -1) => SoftmaxOp.Apply("log_softmax", x, axis, SoftmaxForm.Logarithm);

    /// <summary>ln Σeˣ over the given axes (all when none is given), by max + ln Σe^{x − max}. A row of −∞ alone gives −∞ with gradient 0.</summary>
    /// <param name="x">Any shape.</param> <param name="axes">Reduced axes.</param> <param name="keepDim">Keeps reduced axes as size 1.</param>
    /// <exception cref="ShapeException">An axis does not exist or is named twice.</exception>
    public static Tensor LogSumExp(Tensor x, ReadOnlySpan<int> axes = default, bool keepDim = false)
    {
        Check.SameFloat("logsumexp", x);
        var reduced = ReduceOp.Normalize("logsumexp", x.Shape, axes);
        int[] kept = [.. Enumerable.Range(0, x.Rank).Except(reduced)];
        var last = reduced.Length == 0 ? x.Unsqueeze(-1) : kept.Length == 0 ? x.Reshape(1, -1) : Joined(x, kept, reduced);
        var y = Tape.Record(SoftmaxOp.LogSum(last, out var rows), new LogSumExpGrad(rows, last.Shape), last);
        return y.Reshape(keepDim ? ReduceOp.Keep(x.Shape, reduced) : [.. kept.Select(a => x.Shape[a])]);
    }

    private static Tensor Joined(Tensor x, int[] kept, int[] reduced)
    {
        var length = reduced.Aggregate(1, (n, a) => checked(n * x.Shape[a]));
        return x.Permute([.. kept, .. reduced]).Reshape([.. kept.Select(a => x.Shape[a]), length]);
    }

    // dx = dy·e^{x − y}: the softmax of the row, recomputed.
    private sealed class LogSumExpGrad : GradFn
    {
        private readonly SavedTensor _x;
        private readonly Shape _shape;

        public LogSumExpGrad(Tensor x, Shape shape)
        {
            _x = Save(x);
            _shape = shape;
        }

        public override string Name => "logsumexp";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var p = SoftmaxOp.Forward(_x.Value, SoftmaxForm.Probability);
            return [p.Reshape(_shape) * dy.Reshape([.. dy.Shape, 1])];
        }
    }
}

internal enum SoftmaxForm
{
    Probability,
    Logarithm,
    LogSum,
}

/// <summary>Softmax of dense rows [N, C] and what follows from it.</summary>
internal static class SoftmaxOp
{
    public static Tensor Apply(string op, Tensor x, int axis, SoftmaxForm form)
    {
        Check.SameFloat(op, x);
        axis = x.Shape.Axis(axis, op);
        var rows = Forward(RowLayout.Rows(x, axis), form);
        return Tape.Record(RowLayout.Restore(rows, x.Shape, axis), new Grad(op, rows, axis, form), x);
    }

    /// <summary>Rows to rows; not recorded.</summary>
    public static Tensor Forward(Tensor rows, SoftmaxForm form)
    {
        var y = Tensor.EmptyLike(rows);
        if (y.Count > 0) { Kernel.Run(rows, new ForwardLaunch(rows, y, form)); }
        return y;
    }

    /// <summary>ln Σe^x over the last axis; not recorded.</summary>
    public static Tensor LogSum(Tensor x, out Tensor rows)
    {
        rows = RowLayout.Rows(x, x.Rank - 1);
        var y = Tensor.EmptyLike(x, x.Shape[..^1]);
        if (rows.Count > 0) { Kernel.Run(rows, new ForwardLaunch(rows, y, SoftmaxForm.LogSum)); }
        else { CopyOp.Fill(y, double.NegativeInfinity); }
        return y;
    }

    private readonly struct ForwardLaunch(Tensor x, Tensor y, SoftmaxForm form) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, SoftmaxForwardCpu<T>>(
            new(x.Pointer<T>(), y.Pointer<T>(), x.Shape[0], x.Shape[1], form));

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => SoftmaxGpu.Forward<R>(device, form, new()
        {
            X = x.View<R>(),
            Y = y.View<R>(),
            N = x.Shape[0],
            C = x.Shape[1],
            Low = R.Of(double.NegativeInfinity),
        });
    }

    private readonly struct BackwardLaunch(Tensor dy, Tensor y, Tensor dx, SoftmaxForm form) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, SoftmaxBackwardCpu<T>>(
            new(dy.Pointer<T>(), y.Pointer<T>(), dx.Pointer<T>(), y.Shape[0], y.Shape[1], form));

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => SoftmaxGpu.Backward<R>(device, form, new()
        {
            X = dy.View<R>(),
            Saved = y.View<R>(),
            Y = dx.View<R>(),
            N = y.Shape[0],
            C = y.Shape[1],
        });
    }

    // Probability: dx = y·(dy − Σ dy·y).  Logarithm: dx = dy − eʸ·Σ dy.
    private sealed class Grad : GradFn
    {
        private readonly SavedTensor _y;
        private readonly string _op;
        private readonly int _axis;
        private readonly SoftmaxForm _form;

        public Grad(string op, Tensor rows, int axis, SoftmaxForm form)
        {
            _y = Save(rows);
            (_op, _axis, _form) = (op, axis, form);
        }

        public override string Name => _op;

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var y = _y.Value;
            var dx = Tensor.EmptyLike(y);
            if (dx.Count > 0) { Kernel.Run(y, new BackwardLaunch(RowLayout.Rows(dy, _axis), y, dx, _form)); }
            return [RowLayout.Restore(dx, dy.Shape, _axis)];
        }
    }
}
