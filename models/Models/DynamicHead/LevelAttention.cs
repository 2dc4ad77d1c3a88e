using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>z = mean over the branches f of a·f, a = hsig(relu(w·pool(f) + b)): one number per image and branch, in [½, 1].
/// <c>weight [1, C, 1, 1]</c>, <c>bias [1]</c>.</summary>
internal sealed class LevelAttention(int channels, Weights w)
{
    private readonly Tensor _weight = w.Get("weight", [1, channels, 1, 1], Init.Normal(0.01)),
        _bias = w.Get("bias", [1], Init.Zeros);

    public Tensor Forward(IReadOnlyList<Tensor> branches) =>
        branches.Select(f => f * Scale(f)).Aggregate((a, b) => a + b) * (1.0 / branches.Count);

    // [B, C, H, W] → [B, 1, 1, 1].
    private Tensor Scale(Tensor f)
    {
        var score = F.Linear(F.Mean(f, [2, 3]), _weight.Reshape(1, channels), _bias);
        return F.HardSigmoid(F.Relu(score)).Reshape(f.Shape[0], 1, 1, 1);
    }
}
