using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>The unified contrastive loss of Florence (arXiv 2111.11432, eq. 1–3) in its mean form L' = (L_i2t + L_t2i)/(2B).
    /// With u and v of unit length, s_ij = e^logitScale·u_i·v_j and P(i) the pairs that carry label y_i,
    /// L_i2t = −Σ_i 1/|P(i)| Σ_{k∈P(i)} log softmax_j(s_ij)[k], and L_t2i the same over columns; all labels distinct: CLIP's
    /// InfoNCE. The [B, B] similarities pass through a panel of a few hundred rows and are computed again in backward: memory is
    /// O(B·D).</summary>
    /// <param name="u">Image features [B, D].</param> <param name="v">Text features [B, D].</param>
    /// <param name="logitScale">Logarithm of the scale of the cosines, [].</param>
    /// <param name="labels">Pairs of equal label are positives of each other: integers [B], on any device.</param>
    /// <param name="normalize">False when the rows have unit length already.</param>
    /// <exception cref="ShapeException">u and v differ in shape or are empty, logitScale is no scalar, or labels are not
    /// [B].</exception>
    public static Tensor ContrastiveLoss(Tensor u, Tensor v, Tensor logitScale, Tensor labels, bool normalize = true)
    {
        Contrastive.CheckArguments(u, v, logitScale, labels);
        using var scope = TensorScope.Begin();
        if (normalize) { (u, v) = (L2Normalize(u), L2Normalize(v)); }
        var state = Contrastive.Forward(u, v, logitScale, labels);
        return scope.Keep(Tape.Record(state.Loss, new ContrastiveGrad(state), u, v, logitScale));
    }

    private sealed class ContrastiveGrad : GradFn
    {
        private readonly LabelClasses _classes;
        private readonly SavedTensor _u, _v, _logScale, _rowLse, _columnLse, _ids, _counts;

        public ContrastiveGrad(Contrastive state)
        {
            var pairs = state.Pairs;
            (_classes, _ids, _counts) = (pairs.Classes, Save(pairs.Classes.Ids), Save(pairs.Classes.Counts));
            (_u, _v, _logScale) = (Save(pairs.Rows), Save(pairs.Columns), Save(pairs.LogScale));
            (_rowLse, _columnLse) = (Save(state.RowLse), Save(state.ColumnLse));
        }

        public override string Name => "contrastive loss";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            Tensor u = _u, v = _v, logScale = _logScale;
            var pairs = new ContrastivePairs(u, v, logScale, _classes with { Ids = _ids, Counts = _counts }, 0);
            var (du, dv) = pairs.Gradients(_rowLse, _columnLse, dy, Needs(0) || Needs(2), Needs(1));
            // Σ_j dL'/dc_ij·c_ij = u_i·du_i, so these sum to dL'/dlogScale.
            return [Needs(0) ? du : null, dv, Needs(2) ? Sum(u * du!) : null];
        }
    }
}
