using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>A 3×3 convolution makes 9 (Δrow, Δcolumn) pairs and 9 mask logits per position.</summary>
internal sealed class Steering
{
    public const int Taps = 9;

    private readonly Tensor _weight, _bias;

    public Steering(DynamicHeadConfig config, Weights w)
    {
        var init = config.ZeroOffsets ? Init.Zeros : Init.FanIn(config.Channels * Taps);
        _weight = w.Get("weight", [3 * Taps, config.Channels, 3, 3], init);
        _bias = w.Get("bias", [3 * Taps], init);
    }

    public Sampling Forward(Tensor x)
    {
        var maps = F.Conv2d(x, _weight, _bias, padding: 1);
        return new(maps.Slice(1, 0, 2 * Taps), F.Sigmoid(maps.Slice(1, 2 * Taps, Taps)));
    }
}

/// <summary>Modulated deformable 3×3 convolution → GroupNorm. <c>conv.weight [C, C, 3, 3]</c>, <c>conv.bias</c>, <c>bn.*</c>. The
/// first values are those of the released code, whose intended N(0, 0.01²) never reaches this convolution.</summary>
internal sealed class DeformableBranch
{
    private readonly Tensor _weight, _bias, _gamma, _beta;
    private readonly int _stride, _groups;

    public DeformableBranch(DynamicHeadConfig config, int stride, Weights w)
    {
        var channels = config.Channels;
        _weight = w["conv"].Get("weight", [channels, channels, 3, 3], Init.FanIn(channels * Steering.Taps));
        _bias = w["conv"].Get("bias", [channels], Init.Zeros);
        _gamma = w["bn"].Get("weight", [channels], Init.Ones);
        _beta = w["bn"].Get("bias", [channels], Init.Zeros);
        (_stride, _groups) = (stride, config.NormGroups);
    }

    /// <summary>[B, C, H, W] → [B, C, ⌈H/stride⌉, ⌈W/stride⌉].</summary>
    public Tensor Forward(Tensor x, Sampling sampling)
    {
        var y = F.DeformConv2d(x, sampling.Offset, _weight, sampling.Mask, _bias, _stride, padding: 1);
        return F.GroupNorm(y, _groups, _gamma, _beta);
    }
}
