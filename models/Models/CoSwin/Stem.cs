using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>Images to tokens: an overlapping convolution (CoSwin) or disjoint patches (Swin), then LayerNorm.</summary>
internal sealed class Stem
{
    private readonly ConvEmbed _embed;
    private readonly CoSwinConfig _config;

    public Stem(CoSwinConfig config, Weights w)
    {
        _config = config;
        var norm = config.PatchNorm ? EmbedNorm.After : EmbedNorm.None;
        _embed = new ConvEmbed(config.Channels, config.EmbedDim, Kernel, config.StemStride, Padding, w, norm);
    }

    private int Kernel => _config.Embed == EmbedKind.Patch ? _config.StemStride : _config.StemKernel;

    private int Padding => _config.Embed == EmbedKind.Patch ? 0 : _config.StemPadding;

    /// <summary>Tokens per side of an image of this side.</summary>
    public int Grid(int side) => (side + 2 * Padding - Kernel) / _config.StemStride + 1;

    /// <summary>[B, 3, H, W] → [B, h, w, C]. Disjoint patches pad right and bottom to whole patches, as the detection backbones do.</summary>
    public Tensor Forward(Tensor x)
    {
        var (padH, padW) = _config.Embed == EmbedKind.Patch ? (Missing(x.Shape[2]), Missing(x.Shape[3])) : (0, 0);
        return _embed.ForwardImage(padH + padW > 0 ? F.Pad(x, [0, padW, 0, padH]) : x);
    }

    private int Missing(int size) => (_config.StemStride - size % _config.StemStride) % _config.StemStride;
}
