using FlorenceKernels.Tensors;

namespace FlorenceKernels.Nn;

/// <summary>y = act(x·Wᵀ + b). <c>weight [out, in]</c>, <c>bias [out]</c>; trunc-normal .02 and 0, the rule of the Swin family.</summary>
public sealed class Linear : TensorModule
{
    private readonly Activation _activation;

    /// <summary>A linear layer, with the activation fused into the product when given.</summary>
    public Linear(int inputs, int outputs, Weights w, bool bias = true, Activation activation = Activation.None, Init? init = null) : base(w)
    {
        Weight = w.Get("weight", [outputs, inputs], init ?? Init.TruncNormal);
        Bias = bias ? w.Get("bias", [outputs], Init.Zeros) : null;
        _activation = activation;
    }

    /// <summary>[out, in].</summary>
    public Tensor Weight { get; }

    /// <summary>[out], or null.</summary>
    public Tensor? Bias { get; }

    /// <summary>[..., in] → [..., out].</summary>
    public override Tensor Forward(Tensor x) => F.Linear(x, Weight, Bias, _activation);
}
