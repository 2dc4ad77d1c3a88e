using System;
using System.Linq;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>The unified contrastive loss (UniCL; Florence eq. 1-3, mean form): with s = exp(logitScale)·u·vᵀ over L2-normalised rows and
    /// P(i) = {k : yₖ = yᵢ},
    /// L' = −1/(2B)·Σᵢ 1/|P(i)| Σ_{k∈P(i)} [ log softmax over row i at k + log softmax over column i at k ].
    /// All labels distinct: CLIP's InfoNCE. The B×B matrix is never stored: scores live in tiles, forward and backward; memory O(B·D + B).</summary>
    /// <param name="u">Image features [B, D].</param> <param name="v">Text features [B, D].</param>
    /// <param name="logitScale">[]; logarithm of the factor on the cosines.</param> <param name="labels">[B], integers; equal labels are positives of each other.</param>
    /// <param name="normalize">False when the rows have unit length already.</param>
    /// <exception cref="ShapeException">The sizes differ, or the batch is empty.</exception>
    public static Tensor ContrastiveLoss(Tensor u, Tensor v, Tensor logitScale, Tensor labels, bool normalize = true)
    {
        Check.SameFloat("contrastive_loss", u, v, logitScale);
        Check.IsInteger("contrastive_loss", "labels", labels);
        Check.HasRank("contrastive_loss", "u", u, 2, "[B, D]");
        Check.HasShape("contrastive_loss", "v", v, u.Shape);
        Check.That(logitScale.Count == 1, $"contrastive_loss: logitScale is {logitScale.Shape}, expected []");
        Check.That(u.Shape[0] > 0, $"contrastive_loss: u is {u.Shape}; a batch needs at least one pair");
        Check.HasShape("contrastive_loss", "labels", labels, [u.Shape[0]]);
        return normalize ? Contrast(L2Normalize(u), L2Normalize(v), logitScale, labels) : Contrast(u.Contiguous(), v.Contiguous(), logitScale, labels);
    }

    private static Tensor Contrast(Tensor u, Tensor v, Tensor logitScale, Tensor labels)
    {
        var (loss, grad) = ContrastiveGrad.Forward(u, v, logitScale, Positives.Of(labels));
        return Tape.Record(loss, grad, u, v, logitScale);
    }
}

/// <summary>For each row, its positives: rows sorted by label, and where each row's label begins and ends.</summary>
/// <param name="Order">[B] row numbers, equal labels together.</param> <param name="Start">[B] first place of the row's label.</param> <param name="End">[B] past its last place.</param>
internal sealed record Positives(Tensor Order, Tensor Start, Tensor End)
{
    public static Positives Of(Tensor labels)
    {
        var y = labels.To(DType.I64).ToArray<long>();
        var order = Enumerable.Range(0, y.Length).OrderBy(i => y[i]).ToArray();
        int[] start = new int[y.Length], end = new int[y.Length];
        for (int from = 0, to; from < y.Length; from = to)
        {
            for (to = from; to < y.Length && y[order[to]] == y[order[from]]; to++) { }
            for (var i = from; i < to; i++) { (start[order[i]], end[order[i]]) = (from, to); }
        }

        return new Positives(Tensor.From(order, [y.Length], labels.Device), Tensor.From(start, [y.Length], labels.Device), Tensor.From(end, [y.Length], labels.Device));
    }

    /// <summary>Row i: the mean of x over the positives of i. T's share of the gradient needs no B×B matrix then.</summary>
    public Tensor Mean(Tensor x)
    {
        var y = Tensor.EmptyLike(x);
        Kernel.Run(x, new MeanLaunch(x, y, this));
        return y;
    }

    private readonly struct MeanLaunch(Tensor x, Tensor y, Positives p) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, PositivesMeanCpu<T>>(new PositivesMeanCpu<T>(
            x.Pointer<T>(), y.Pointer<T>(), p.Order.Pointer<int>(), p.Start.Pointer<int>(), p.End.Pointer<int>(), x.Shape[0], x.Shape[1]));

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => device.LaunchElements(ContrastiveGpu.PositivesMean, x.Count, new ContrastiveGpu.MeanArgs<R>
        {
            X = x.View<R>(),
            Y = y.View<R>(),
            Order = p.Order.View<int>(),
            Start = p.Start.View<int>(),
            End = p.End.View<int>(),
            Rows = x.Shape[0],
            Width = x.Shape[1],
        });
    }
}

// p = softmax over rows, r = softmax over columns, T = 1[yᵢ = yⱼ]/|P(i)| (symmetric), G = (p + r − 2T)/(2B):
// dU = τGV,  dV = τGᵀU,  dlogτ = Σ Gᵢⱼsᵢⱼ. The p + r part is recomputed in tiles from the two log-sum-exps.
internal sealed class ContrastiveGrad : GradFn
{
    private readonly SavedTensor _u, _v, _rowLse, _columnLse, _positiveU, _positiveV, _positiveSum;
    private readonly double _tau;

    private ContrastiveGrad(Tensor u, Tensor v, Tensor rowLse, Tensor columnLse, Tensor positiveU, Tensor positiveV, Tensor positiveSum, double tau)
    {
        (_u, _v, _rowLse, _columnLse) = (Save(u), Save(v), Save(rowLse), Save(columnLse));
        (_positiveU, _positiveV, _positiveSum, _tau) = (Save(positiveU), Save(positiveV), Save(positiveSum), tau);
    }

    public override string Name => "contrastive_loss";

    public static (Tensor Loss, ContrastiveGrad Grad) Forward(Tensor u, Tensor v, Tensor logitScale, Positives positives)
    {
        using var noGrad = GradMode.NoGrad();
        var tau = Math.Exp(logitScale.Item());
        Tensor rows = Tensor.EmptyLike(u, [u.Shape[0]]), columns = Tensor.EmptyLike(rows);
        var own = Tensor.EmptyLike(rows);
        Kernel.Run(u, new ForwardLaunch(u, v, rows, columns, own, positives, tau));
        Tensor positiveU = positives.Mean(u), positiveV = positives.Mean(v);
        var positiveSum = F.Sum(own);
        var loss = (F.Sum(rows) + F.Sum(columns)) * (0.5 / u.Shape[0]) - positiveSum * (1.0 / u.Shape[0]);
        return (loss, new ContrastiveGrad(u, v, rows, columns, positiveU, positiveV, positiveSum, tau));
    }

    protected internal override Tensor?[] Backward(Tensor dy)
    {
        Tensor u = _u, v = _v;
        double batch = u.Shape[0], half = _tau / (2 * batch);
        Tensor du = Tensor.EmptyLike(u), dv = Tensor.EmptyLike(v), weighted = Tensor.EmptyLike(u, [u.Shape[0]]);
        Kernel.Run(u, new BackwardLaunch(u, v, _rowLse.Value, _columnLse.Value, du, dv, weighted, _tau));
        return
        [
            (du * half - _positiveV.Value * (2 * half)) * dy,
            (dv * half - _positiveU.Value * (2 * half)) * dy,
            Needs(2) ? (F.Sum(weighted) * (0.5 / batch) - _positiveSum.Value * (1 / batch)) * dy.Reshape() : null,
        ];
    }

    private readonly struct ForwardLaunch(Tensor u, Tensor v, Tensor rows, Tensor columns, Tensor own, Positives positives, double tau) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, ContrastiveForwardCpu<T>>(
            new ContrastiveForwardCpu<T>(u.Pointer<T>(), v.Pointer<T>(), rows.Pointer<T>(), columns.Pointer<T>(), own.Pointer<T>(),
                positives.Order.Pointer<int>(), positives.Start.Pointer<int>(), positives.End.Pointer<int>(), u.Shape[0], u.Shape[1], tau));

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
        {
            ContrastiveGpu.LogSumExp(device, u.View<R>(), v.View<R>(), rows.View<R>(), own.View<R>(), positives, u.Shape[0], u.Shape[1], R.Of(tau));
            ContrastiveGpu.LogSumExp(device, v.View<R>(), u.View<R>(), columns.View<R>(), own.View<R>(), positives, u.Shape[0], u.Shape[1], R.Of(tau));
        }
    }

    private readonly struct BackwardLaunch(Tensor u, Tensor v, Tensor rows, Tensor columns, Tensor du, Tensor dv, Tensor weighted, double tau) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, ContrastiveBackwardCpu<T>>(
            new ContrastiveBackwardCpu<T>(u.Pointer<T>(), v.Pointer<T>(), rows.Pointer<T>(), columns.Pointer<T>(), du.Pointer<T>(), dv.Pointer<T>(),
                weighted.Pointer<T>(), u.Shape[0], u.Shape[1], tau));

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
        {
            var scratch = Tensor.EmptyLike(weighted);
            ContrastiveGpu.Gradient(device, u.View<R>(), v.View<R>(), rows.View<R>(), columns.View<R>(), du.View<R>(), weighted.View<R>(), u.Shape[0], u.Shape[1], R.Of(tau));
            ContrastiveGpu.Gradient(device, v.View<R>(), u.View<R>(), columns.View<R>(), rows.View<R>(), dv.View<R>(), scratch.View<R>(), u.Shape[0], u.Shape[1], R.Of(tau));
        }
    }
}
