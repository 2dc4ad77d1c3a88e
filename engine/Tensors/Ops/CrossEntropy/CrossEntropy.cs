using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>How a loss over many elements becomes one number.</summary>
public enum Reduction
{
    /// <summary>One value per element.</summary>
    None,

    /// <summary>The mean.</summary>
    Mean,

    /// <summary>The sum.</summary>
    Sum,
}

public static partial class F
{
    /// <summary>(1 − s)·(lse − x_t) + s·(lse − ⟨x⟩) per position, lse = ln Σe^x over the classes, s the label smoothing. Positions whose target
    /// is <paramref name="ignoreIndex"/> count 0, and the mean is over the others (NaN with gradient 0 when there are none, as torch).
    /// Neither log-softmax nor its gradient is stored. Szegedy et al. 2016, §7 for the smoothing.</summary>
    /// <param name="logits">[N, C] or [N, C, d...]</param> <param name="targets">i64 (or i32) [N] or [N, d...]: classes.</param>
    /// <param name="ignoreIndex">The target that does not count.</param> <param name="labelSmoothing">s in [0, 1].</param>
    /// <param name="reduction">Mean and Sum give a scalar, None the shape of the targets.</param>
    /// <exception cref="ShapeException">Shapes do not fit, or (on the CPU) a target is no class; on GPUs such a position's loss is NaN.</exception>
    public static Tensor CrossEntropy(Tensor logits, Tensor targets, int ignoreIndex = -100, double labelSmoothing = 0,
        Reduction reduction = Reduction.Mean)
    {
        Check.SameFloat("cross_entropy", logits);
        Check.That(logits.Rank >= 2, $"cross_entropy: logits are {logits.Shape}, expected [N, C, ...]");
        Check.IsInteger("cross_entropy", "targets", targets);
        Check.OnDevice("cross_entropy", logits, targets);
        Check.HasShape("cross_entropy", "targets", targets, RowLayout.Without(logits.Shape, 1));
        Check.That(labelSmoothing is >= 0 and <= 1, $"cross_entropy: labelSmoothing is {labelSmoothing}, expected a value in [0, 1]");
        var dense = Dense(targets.To(DType.I64))!;
        CheckClasses("cross_entropy", dense, logits.Shape[1], ignoreIndex);
        var rows = RowLayout.Rows(logits, 1);
        int n = rows.Shape[0];
        Tensor loss = Tensor.EmptyLike(rows, [n]), counts = Tensor.EmptyLike(rows, [n]), lse = Tensor.EmptyLike(rows, [n]);
        if (n > 0) { Kernel.Run(rows, new CrossEntropyForward(rows, dense, loss, counts, lse, ignoreIndex, labelSmoothing)); }
        var count = reduction == Reduction.Mean ? ReduceOp.Run<SumReducer>("cross_entropy", counts, [0]).Reshape() : null;
        Tensor y = loss.Reshape(targets.Shape);
        if (reduction != Reduction.None) { y = ReduceOp.Run<SumReducer>("cross_entropy", loss, [0]).Reshape(); }
        if (count is not null) { y = Quotient(y, count); }
        return Tape.Record(y, new CrossEntropyGrad(rows, dense, lse, count, logits.Shape, ignoreIndex, labelSmoothing), logits);
    }

    /// <summary>−Σ p·log-softmax(x) over the classes for target distributions p; the mean is over positions.</summary>
    /// <param name="logits">[N, C] or [N, C, d...]</param> <param name="probabilities">Shape of the logits; differentiable too.</param>
    /// <param name="reduction">Mean and Sum give a scalar, None a value per position.</param>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor CrossEntropy(Tensor logits, Tensor probabilities, Reduction reduction)
    {
        if (!probabilities.DType.IsFloat()) { return CrossEntropy(logits, probabilities, -100, 0, reduction); }
        Check.SameFloat("cross_entropy", logits, probabilities);
        Check.That(logits.Rank >= 2, $"cross_entropy: logits are {logits.Shape}, expected [N, C, ...]");
        Check.HasShape("cross_entropy", "probabilities", probabilities, logits.Shape);
        return Reduce(-Sum(probabilities * LogSoftmax(logits, 1), [1]), reduction);
    }

    internal static Tensor Reduce(Tensor loss, Reduction reduction) =>
        reduction switch { Reduction.Mean => Mean(loss), Reduction.Sum => Sum(loss), _ => loss };

    private static Tensor Quotient(Tensor a, Tensor b)
    {
        using var noGrad = GradMode.NoGrad();
        return a / b;
    }

    private static unsafe void CheckClasses(string op, Tensor targets, int classes, int ignoreIndex)
    {
        if (targets.Device is GpuDevice) { return; }
        var p = targets.Pointer<long>();
        for (long i = 0; i < targets.Count; i++)
        {
            if (p[i] != ignoreIndex && (p[i] < 0 || p[i] >= classes))
            {
                throw new ShapeException($"{op}: target {p[i]} at position {i} is no class of {classes} and not ignoreIndex {ignoreIndex}");
            }
        }

        System.GC.KeepAlive(targets); // see Kernel.KeepAlive
    }

    // dx = g·(softmax − (1 − s)·1_t − s/C), softmax recomputed from lse; g = dy, or dy/count for the mean.
    private sealed class CrossEntropyGrad : GradFn
    {
        private readonly SavedTensor _x, _targets, _lse, _count;
        private readonly Shape _shape;
        private readonly int _ignoreIndex;
        private readonly double _smoothing;

        public CrossEntropyGrad(Tensor x, Tensor targets, Tensor lse, Tensor? count, Shape shape, int ignoreIndex, double smoothing)
        {
            (_x, _targets, _lse, _count) = (Save(x), Save(targets), Save(lse), Save(count));
            (_shape, _ignoreIndex, _smoothing) = (shape, ignoreIndex, smoothing);
        }

        public override string Name => "cross_entropy";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var x = _x.Value;
            var g = _count.OrNull is { } count ? dy / count : dy.Contiguous();
            var dx = Tensor.EmptyLike(x);
            if (dx.Count > 0) { Kernel.Run(x, new CrossEntropyBackward(x, _targets.Value, _lse.Value, g, dx, _ignoreIndex, _smoothing)); }
            return [RowLayout.Restore(dx, _shape, 1)];
        }
    }
}

internal readonly struct CrossEntropyForward(Tensor x, Tensor targets, Tensor loss, Tensor counts, Tensor lse, int ignoreIndex, double smoothing)
    : IOpKernel
{
    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, CrossEntropyForwardCpu<T>>(new(
        x.Pointer<T>(), targets.Pointer<long>(), loss.Pointer<T>(), counts.Pointer<T>(), lse.Pointer<T>(), x.Shape[0], x.Shape[1], ignoreIndex,
        smoothing));

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => device.LaunchGroups(CrossEntropyGpu.ForwardRow, x.Shape[0],
        new CrossEntropyGpu.Args<R>
        {
            X = x.View<R>(),
            Targets = targets.View<long>(),
            Y = loss.View<R>(),
            Counts = counts.View<R>(),
            Lse = lse.View<R>(),
            N = x.Shape[0],
            C = x.Shape[1],
            Ignored = ignoreIndex,
            Low = R.Of(double.NegativeInfinity),
            NotANumber = R.Of(double.NaN),
            Hard = R.Of(1 - smoothing),
            Soft = R.Of(smoothing / x.Shape[1]),
            IsSmooth = smoothing > 0 ? 1 : 0,
        });
}

internal readonly struct CrossEntropyBackward(Tensor x, Tensor targets, Tensor lse, Tensor g, Tensor dx, int ignoreIndex, double smoothing)
    : IOpKernel
{
    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, CrossEntropyBackwardCpu<T>>(new(
        x.Pointer<T>(), targets.Pointer<long>(), lse.Pointer<T>(), g.Pointer<T>(), g.Rank == 0 ? 0 : 1, dx.Pointer<T>(), x.Shape[0], x.Shape[1],
        ignoreIndex, smoothing));

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => device.LaunchElements(CrossEntropyGpu.Backward, dx.Count,
        new CrossEntropyGpu.Args<R>
        {
            X = x.View<R>(),
            Targets = targets.View<long>(),
            Y = dx.View<R>(),
            Counts = g.View<R>(),
            Lse = lse.View<R>(),
            N = x.Shape[0],
            C = x.Shape[1],
            Ignored = ignoreIndex,
            GStep = g.Rank == 0 ? 0 : 1,
            Hard = R.Of(1 - smoothing),
            Soft = R.Of(smoothing / x.Shape[1]),
        });
}
