using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>Dynamic ReLU, variant B with two pieces (Chen et al., arXiv 2003.10027, eq. 2–4), the Dynamic Head's task attention:
/// y = max(α₁·x + β₁, α₂·x + β₂) per image and channel. With u = hsig(W₂·relu(W₁·pool(x) + c₁) + c₂) cut into four,
/// α₁ = 2u ∈ [0, 2], β₁ = u − ½, α₂ = 2u − 1 ∈ [−1, 1], β₂ = u − ½; at u = ½ it is ReLU. <c>fc.0.*</c>, <c>fc.2.*</c>.</summary>
public sealed class DyRelu : TensorModule
{
    private readonly Tensor _weight1, _bias1, _weight2, _bias2;
    private readonly int _channels;

    /// <summary>For maps of <paramref name="channels"/>; the hidden layer has channels/<paramref name="reduction"/>.</summary>
    public DyRelu(int channels, Weights w, int reduction = 4) : base(w)
    {
        _channels = channels;
        var hidden = channels / reduction;
        (_weight1, _bias1) = Layer(w["fc"][0], channels, hidden);
        (_weight2, _bias2) = Layer(w["fc"][2], hidden, 4 * channels);
    }

    /// <summary>[B, C, H, W] → [B, C, H, W].</summary>
    /// <exception cref="ShapeException">x has another rank or other channels.</exception>
    public override Tensor Forward(Tensor x)
    {
        Check.HasRank("dy_relu", "x", x, 4, $"[B, {_channels}, H, W]");
        Check.HasShape("dy_relu", "x", x, x.Shape.With(1, _channels));
        using var scope = TensorScope.Begin();
        var hidden = F.Relu(F.Linear(F.Mean(x, [2, 3]), _weight1, _bias1));
        var u = F.HardSigmoid(F.Linear(hidden, _weight2, _bias2)).Reshape(x.Shape[0], 4, _channels, 1, 1);
        Tensor a1 = u.Select(1, 0) * 2, b1 = u.Select(1, 1) - 0.5, a2 = u.Select(1, 2) * 2 - 1, b2 = u.Select(1, 3) - 0.5;
        return scope.Keep(F.Maximum(x * a1 + b1, x * a2 + b2));
    }

    private static (Tensor Weight, Tensor Bias) Layer(Weights w, int inputs, int outputs) =>
        (w.Get("weight", [outputs, inputs], Init.FanIn(inputs)), w.Get("bias", [outputs], Init.FanIn(inputs)));
}
