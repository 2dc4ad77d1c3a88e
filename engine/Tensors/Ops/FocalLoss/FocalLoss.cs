using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Focal loss of independent classes, from logits: with p = σ(x), −α·(1 − p)^γ·ln p for the class a row names and
    /// −(1 − α)·p^γ·ln(1 − p) for all others. Detectors sum it and divide by the number of positives. Lin et al., arXiv
    /// 1708.02002, eq. 5; labels as in the RetinaNet and ATSS kernels.</summary>
    /// <param name="logits">[N, C].</param>
    /// <param name="targets">i64 (or i32) [N]: 0 is background, k &gt; 0 is class k − 1, −1 does not count.</param>
    /// <param name="alpha">Weight of the named class, in [0, 1].</param>
    /// <param name="gamma">How much sure logits are damped; ≥ 0.</param>
    /// <param name="reduction">Sum gives a scalar, Mean one over all N·C elements, None [N, C].</param>
    /// <exception cref="ShapeException">Shapes or constants do not fit, or (on the CPU) a target is no label; on GPUs such a
    /// row's loss is NaN.</exception>
    public static Tensor SigmoidFocalLoss(Tensor logits, Tensor targets, double alpha = 0.25, double gamma = 2,
        Reduction reduction = Reduction.Sum)
    {
        const string Op = "sigmoid_focal_loss";
        Check.SameFloat(Op, logits);
        Check.HasRank(Op, "logits", logits, 2, "[N, C]");
        Check.IsInteger(Op, "targets", targets);
        Check.OnDevice(Op, logits, targets);
        Check.HasShape(Op, "targets", targets, [logits.Shape[0]]);
        Check.That(alpha is >= 0 and <= 1, $"sigmoid_focal_loss: alpha is {alpha}, expected a value in [0, 1]");
        Check.That(gamma is >= 0 and < double.PositiveInfinity, $"sigmoid_focal_loss: gamma is {gamma}, expected 0 or more");
        var rows = RowLayout.Rows(logits, 1);
        var labels = Dense(targets.To(DType.I64))!;
        CheckLabels(labels, logits.Shape[1]);
        var loss = Tensor.EmptyLike(rows);
        if (loss.Count > 0) { Kernel.Run(rows, new FocalForward(rows, labels, loss, alpha, gamma)); }
        if (reduction == Reduction.None) { return Tape.Record(loss, new FocalGrad(rows, labels, alpha, gamma, 1), logits); }
        var scale = reduction == Reduction.Mean ? 1.0 / loss.Count : 1;
        var sum = ReduceOp.Run<SumReducer>(Op, loss, [0, 1]).Reshape();
        if (reduction == Reduction.Mean) { Map.Run<UnaryForward<Affine>>(Op, sum, sum, p: scale); }
        return Tape.Record(sum, new FocalGrad(rows, labels, alpha, gamma, scale), logits);
    }

    private static unsafe void CheckLabels(Tensor targets, int classes)
    {
        if (targets.Device is GpuDevice) { return; }
        var p = targets.Pointer<long>();
        for (long i = 0; i < targets.Count; i++)
        {
            Check.That(p[i] >= -1 && p[i] <= classes,
                $"sigmoid_focal_loss: target {p[i]} at position {i} is outside [-1, {classes}] (0 is background, k is class k - 1)");
        }

        GC.KeepAlive(targets); // see Kernel.KeepAlive
    }

    private sealed class FocalGrad : GradFn
    {
        private readonly SavedTensor _x, _targets;
        private readonly double _alpha, _gamma, _scale;

        public FocalGrad(Tensor x, Tensor targets, double alpha, double gamma, double scale)
        {
            (_x, _targets) = (Save(x), Save(targets));
            (_alpha, _gamma, _scale) = (alpha, gamma, scale);
        }

        public override string Name => "sigmoid_focal_loss";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var x = _x.Value;
            var dx = Tensor.EmptyLike(x);
            if (dx.Count > 0) { Kernel.Run(x, new FocalBackward(x, _targets.Value, dy.Contiguous(), dx, _alpha, _gamma, _scale)); }
            return [dx];
        }
    }
}

internal readonly struct FocalForward(Tensor x, Tensor targets, Tensor y, double alpha, double gamma) : IOpKernel
{
    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, FocalForwardCpu<T>>(new(
        x.Pointer<T>(), targets.Pointer<long>(), y.Pointer<T>(), x.Shape[0], x.Shape[1], alpha, gamma));

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => device.LaunchElements(FocalLossGpu.Forward, y.Count,
        new FocalLossGpu.Args<R>
        {
            X = x.View<R>(),
            Y = y.View<R>(),
            G = x.View<R>(),
            Targets = targets.View<long>(),
            Present = R.Of(alpha),
            Absent = R.Of(1 - alpha),
            Gamma = R.Of(gamma),
            NotANumber = R.Of(double.NaN),
            Count = checked((int)y.Count),
            C = x.Shape[1],
        });
}

internal readonly struct FocalBackward(Tensor x, Tensor targets, Tensor g, Tensor dx, double alpha, double gamma,
    double scale) : IOpKernel
{
    private int Step => g.Rank == 0 ? 0 : 1;

    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, FocalBackwardCpu<T>>(new(
        x.Pointer<T>(), targets.Pointer<long>(), g.Pointer<T>(), Step, dx.Pointer<T>(), x.Shape[0], x.Shape[1], alpha, gamma,
            scale));

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => device.LaunchElements(FocalLossGpu.Backward, dx.Count,
        new FocalLossGpu.Args<R>
        {
            X = x.View<R>(),
            Y = dx.View<R>(),
            G = g.View<R>(),
            Targets = targets.View<long>(),
            Present = R.Of(scale * alpha),
            Absent = R.Of(scale * (1 - alpha)),
            Gamma = R.Of(gamma),
            NotANumber = R.Of(double.NaN),
            Count = checked((int)dx.Count),
            C = x.Shape[1],
            GStep = Step,
        });
}
