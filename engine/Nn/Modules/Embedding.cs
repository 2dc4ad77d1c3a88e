using FlorenceKernels.Tensors;

namespace FlorenceKernels.Nn;

/// <summary>Rows of <c>weight [entries, size]</c> by id.</summary>
public sealed class Embedding(int entries, int size, Weights w, Init? init = null) : TensorModule(w)
{
    private readonly Tensor _weight = w.Get("weight", [entries, size], init ?? Init.TruncNormal);

    /// <summary>ids [...] → [..., size].</summary>
    public override Tensor Forward(Tensor x) => F.Embedding(x, _weight);
}
