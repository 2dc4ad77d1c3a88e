using FlorenceKernels.Tensors;

namespace FlorenceKernels.Nn;

/// <summary>Two linear layers with an activation between; the second layer's names are given because checkpoints differ
/// (<c>fc1/fc2</c>, <c>c_fc/c_proj</c>, torchvision's <c>0/3</c>).</summary>
public sealed class Mlp(int size, int hidden, Weights w, Activation activation = Activation.GeluErf, string first = "fc1", string second = "fc2",
    Init? firstInit = null, Init? secondInit = null) : TensorModule(w)
{
    private readonly Linear _first = new(size, hidden, w[first], activation: activation, init: firstInit);
    private readonly Linear _second = new(hidden, size, w[second], init: secondInit);

    /// <summary>[..., size] → [..., size].</summary>
    public override Tensor Forward(Tensor x) => _second.Forward(_first.Forward(x));
}
