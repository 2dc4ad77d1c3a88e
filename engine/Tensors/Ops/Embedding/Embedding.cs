using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Rows of a table: y[..., :] = weight[ids[...], :] with ids [...] (i64 or i32) and weight [V, D], y [..., D]. The gradient sums
    /// rows in ascending position, so it has the same bits every time; ids on the host cost no wait for the device, ids on a GPU are copied once.
    /// <paramref name="paddingIndex"/> names a row that gets no gradient (torch.nn.functional.embedding). A relative-position bias is
    /// <c>Embedding(index [N, N], table [T, h]).Permute(2, 0, 1)</c>.</summary>
    /// <exception cref="ShapeException">The weight has not two axes, or an id is outside [0, V).</exception>
    public static Tensor Embedding(Tensor ids, Tensor weight, int paddingIndex = -1)
    {
        Check.SameFloat("embedding", weight);
        Check.HasRank("embedding", "weight", weight, 2, "[V, D]");
        Check.That(paddingIndex >= -1 && paddingIndex < weight.Shape[0],
            $"embedding: padding index {paddingIndex} is outside [0, {weight.Shape[0]})");
        var map = RowMap.From("embedding", "id", ids, weight.Shape[0], weight.Device);
        var y = IndexRows.Gather(weight, ids.Shape.Append(weight.Shape[1]), 1, map, weight.Shape[1]);
        return Tape.Record(y, new EmbeddingGrad(weight.Shape, map, paddingIndex), weight);
    }

    private sealed class EmbeddingGrad(Shape weight, RowMap map, int paddingIndex) : GradFn
    {
        public override string Name => "embedding";

        protected internal override Tensor?[] Backward(Tensor dy) => [IndexRows.Sum(dy, weight, 1, map, weight[1], skip: paddingIndex)];
    }
}
