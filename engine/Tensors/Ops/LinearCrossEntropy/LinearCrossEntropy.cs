using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Cross-entropy of x·Wᵀ + b, equal to <see cref="Linear"/> then
    /// <see cref="CrossEntropy(Tensor, Tensor, int, double, Reduction)"/>, whose [N, V] logits never exist: rows are taken in
    /// chunks, and where gradients are wanted each chunk's go into dx, dW and db while it is there, so that backward only scales
    /// them. For large vocabularies (Hsu et al., Liger, arXiv 2410.10989, §3.2).</summary>
    /// <param name="x">[N, D].</param> <param name="weight">[V, D].</param> <param name="bias">[V], or null.</param>
    /// <param name="targets">i64 (or i32) [N]: classes.</param> <param name="ignoreIndex">The target that does not count.</param>
    /// <param name="labelSmoothing">s in [0, 1].</param>
    /// <param name="reduction">Mean over the targets that count, or Sum.</param>
    /// <exception cref="ShapeException">Shapes do not fit, the reduction is None, or (on the CPU) a target is no class; on GPUs
    /// the loss is NaN then.</exception>
    public static Tensor LinearCrossEntropy(Tensor x, Tensor weight, Tensor? bias, Tensor targets, int ignoreIndex = -100,
        double labelSmoothing = 0, Reduction reduction = Reduction.Mean)
    {
        var rowBytes = Math.Max(1, weight.Count == 0 ? 1 : weight.Shape[0]) * (long)x.DType.Size();
        var rows = (int)Math.Clamp(LinearCrossEntropyOp.ChunkBytes / rowBytes, LinearCrossEntropyOp.LeastRows, 1 << 20);
        return LinearCrossEntropy(x, weight, bias, targets, ignoreIndex, labelSmoothing, reduction, rows);
    }

    /// <summary>The same with chunks of at most <paramref name="chunkRows"/> rows.</summary>
    internal static Tensor LinearCrossEntropy(Tensor x, Tensor weight, Tensor? bias, Tensor targets, int ignoreIndex,
        double labelSmoothing,
        Reduction reduction, int chunkRows)
    {
        const string Op = "linear_cross_entropy";
        Check.SameFloat(Op, x, weight, bias ?? x);
        Check.HasRank(Op, "x", x, 2, "[N, D]");
        Check.HasShape(Op, "weight", weight, [weight.Rank > 0 ? weight.Shape[0] : 1, x.Shape[1]]);
        if (bias is not null) { Check.HasShape(Op, "bias", bias, [weight.Shape[0]]); }
        Check.IsInteger(Op, "targets", targets);
        Check.OnDevice(Op, x, targets);
        Check.HasShape(Op, "targets", targets, [x.Shape[0]]);
        Check.That(labelSmoothing is >= 0 and <= 1,
            $"linear_cross_entropy: labelSmoothing is {labelSmoothing}, expected a value in [0, 1]");
        Check.That(reduction != Reduction.None,
            $"linear_cross_entropy: gradients are made with the loss, which must be one number; for Reduction.None use Linear and CrossEntropy");
        var labels = Dense(targets.To(DType.I64))!;
        CheckClasses(Op, labels, weight.Shape[0], ignoreIndex);
        var run = new LinearCrossEntropyOp(x.Detach(), weight.Detach(), Dense(bias), labels, ignoreIndex, labelSmoothing);
        var records = GradMode.IsEnabled;
        run.Chunks(chunkRows, records && x.RequiresGrad, records && weight.RequiresGrad,
            records && bias is { RequiresGrad: true });
        var loss = ReduceOp.Run<SumReducer>(Op, run.Loss, [0]).Reshape();
        if (reduction == Reduction.Sum) { return Tape.Record(loss, new LinearCrossEntropyGrad(run, null), x, weight, bias); }
        var count = ReduceOp.Run<SumReducer>(Op, run.Counts, [0]).Reshape();
        return Tape.Record(Quotient(loss, count), new LinearCrossEntropyGrad(run, count), x, weight, bias);
    }

    // The gradients of the sum times dy, or dy/count for the mean; without a target that counts they are 0, not 0/0.
    private sealed class LinearCrossEntropyGrad : GradFn
    {
        private readonly SavedTensor _x, _weight, _bias, _count;

        public LinearCrossEntropyGrad(LinearCrossEntropyOp run, Tensor? count)
        {
            (_x, _weight, _bias) = (Save(run.Dx), Save(run.DWeight), Save(run.DBias));
            _count = Save(count);
        }

        public override string Name => "linear_cross_entropy";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var scale = _count.OrNull is { } count ? dy / Clamp(count, 1) : dy;
            return [_x.OrNull is { } x ? x * scale : null, _weight.OrNull is { } w ? w * scale : null,
                _bias.OrNull is { } b ? b * scale : null];
        }
    }
}

/// <summary>The loss of each row and the gradients of their sum, chunk by chunk of rows. Chunks are cut by the problem's sizes
/// and added in order: the same bits for any number of threads.</summary>
internal sealed class LinearCrossEntropyOp(Tensor x, Tensor weight, Tensor? bias, Tensor targets, int ignoreIndex,
    double smoothing)
{
    /// <summary>Of a chunk's logits: few enough rows that the chunk stays near the caches, enough that adding each chunk's dW to
    /// the whole (V·D in and out) is small against making it (2·rows·V·D multiply-adds).</summary>
    public const long ChunkBytes = 32 << 20;

    /// <summary>Rows of a chunk, however large the vocabulary.</summary>
    public const int LeastRows = 64;

    /// <summary>One loss per row, 0 where the target does not count.</summary>
    public Tensor Loss { get; } = Tensor.EmptyLike(x, [x.Shape[0]]);

    /// <summary>1 per row whose target counts.</summary>
    public Tensor Counts { get; } = Tensor.EmptyLike(x, [x.Shape[0]]);

    public Tensor? Dx { get; private set; }

    public Tensor? DWeight { get; private set; }

    public Tensor? DBias { get; private set; }

    public void Chunks(int chunkRows, bool needsX, bool needsWeight, bool needsBias)
    {
        using var noGrad = GradMode.NoGrad();
        Dx = needsX ? Tensor.EmptyLike(x) : null;
        DWeight = needsWeight ? Tensor.ZerosLike(weight) : null;
        DBias = needsBias ? Tensor.ZerosLike(bias!) : null;
        int n = x.Shape[0], classes = weight.Shape[0], pieces = (n + chunkRows - 1) / chunkRows;
        if (n == 0 || classes == 0) { return; }
        using var scope = TensorScope.Begin();
        var rows = (n + pieces - 1) / pieces;
        Tensor logits = Tensor.EmptyLike(x, [rows, classes]), lse = Tensor.EmptyLike(x, [rows]);
        var one = Tensor.Ones([], x.DType, x.Device);
        for (var from = 0; from < n; from += rows)
        {
            var count = Math.Min(rows, n - from);
            Tensor xs = x.Slice(0, from, count), ids = targets.Slice(0, from, count), z = logits.Slice(0, 0, count);
            Kernel.Run(z, new GemmLaunch(z, xs, weight.T(), bias));
            Kernel.Run(z, new CrossEntropyForward(z, ids, Loss.Slice(0, from, count), Counts.Slice(0, from, count), lse,
                ignoreIndex, smoothing));
            if (!(needsX || needsWeight || needsBias)) { continue; }
            Kernel.Run(z, new CrossEntropyBackward(z, ids, lse, one, z, ignoreIndex, smoothing));
            AddGradients(z, xs, Dx?.Slice(0, from, count), isFirst: from == 0);
        }
    }

    // dx = dz·W, dW += dzᵀ·x, db += Σ dz.
    private void AddGradients(Tensor dz, Tensor xs, Tensor? dx, bool isFirst)
    {
        if (dz.Device.IsCpu)
        {
            LinearBackward.Run(Activation.None, dz, null, xs, weight, (dx, DWeight, DBias), accumulate: !isFirst);
            return;
        }

        using var scope = TensorScope.Begin();
        if (dx is { Count: > 0 }) { Kernel.Run(dx, new GemmLaunch(dx, dz, weight)); }
        if (DWeight is { Count: > 0 }) { CopyOp.AddInPlace(DWeight, F.Product(dz.T(), xs)); }
        if (DBias is not null) { CopyOp.AddInPlace(DBias, F.SumTo(dz, DBias.Shape)); }
    }
}
