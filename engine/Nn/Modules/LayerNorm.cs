using FlorenceKernels.Tensors;

namespace FlorenceKernels.Nn;

/// <summary>y = (x − mean)·rstd·weight + bias over the last axis. Ba, Kiros, Hinton 2016.</summary>
public sealed class LayerNorm : TensorModule
{
    private readonly Tensor _weight, _bias;
    private readonly double _eps;

    /// <summary>Over a last axis of <paramref name="size"/>; eps 1e-5 in vision towers and CLIP, 1e-12 in the lineage's text towers.</summary>
    public LayerNorm(int size, Weights w, double eps = 1e-5) : base(w)
    {
        _weight = w.Get("weight", [size], Init.Ones);
        _bias = w.Get("bias", [size], Init.Zeros);
        _eps = eps;
    }

    /// <summary>[..., size] → [..., size].</summary>
    public override Tensor Forward(Tensor x) => F.LayerNorm(x, _weight, _bias, _eps);
}
