using System;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>Images to tokens: an overlapping convolution (CoSwin) or disjoint patches (Swin), then LayerNorm; early convolutions before
/// them where the configuration asks for some.</summary>
internal sealed class Stem
{
    private readonly ConvEmbed[] _early;
    private readonly ConvEmbed _embed;
    private readonly CoSwinConfig _config;
    private readonly VideoCoSwinConfig? _video;

    /// <summary>A stem of images, or of clips when <paramref name="video"/> is given.</summary>
    public Stem(CoSwinConfig config, Weights w, VideoCoSwinConfig? video = null)
    {
        (_config, _video) = (config, video);
        int[] channels = [config.Channels, .. config.EarlyConvolutions];
        _early = [.. config.EarlyConvolutions.Select((outputs, i) => i == 0
            ? new ConvEmbed(channels[i], outputs, config.EarlyKernel, config.EarlyStride, config.EarlyKernel / 2, w["early"][i])
            : new ConvEmbed(channels[i], outputs, 3, 1, 1, w["early"][i]))];
        var norm = config.PatchNorm ? EmbedNorm.After : EmbedNorm.None;
        _embed = video is null ? new ConvEmbed(channels[^1], config.EmbedDim, Kernel, config.StemStride, Padding, w, norm)
            : new ConvEmbed(channels[^1], config.EmbedDim, (video.StemDepth, Kernel, Kernel),
                (video.StemStrideDepth, config.StemStride, config.StemStride), (0, Padding, Padding), w, norm);
    }

    private int Kernel => _config.Embed == EmbedKind.Patch ? _config.StemStride : _config.StemKernel;

    private int Padding => _config.Embed == EmbedKind.Patch ? 0 : _config.StemPadding;

    /// <summary>Tokens per side of an image of this side.</summary>
    public int Grid(int side) =>
        ((_early.Length > 0 ? (side - _config.EarlyKernel % 2) / _config.EarlyStride + 1 : side) + 2 * Padding - Kernel) / _config.StemStride + 1;

    /// <summary>[B, 3, H, W] → [B, h, w, C]; clips [B, 3, T, H, W] → [B, t, h, w, C].</summary>
    public Tensor Forward(Tensor x)
    {
        if (_early.Length == 0) { return _embed.ForwardImage(InWholePatches(x)); }
        var tokens = F.Gelu(_early[0].ForwardImage(x));
        foreach (var convolution in _early.AsSpan(1)) { tokens = F.Gelu(convolution.Forward(tokens)); }
        return _embed.Forward(tokens);
    }

    // Disjoint patches pad at the end of each axis to whole patches, as the detection and video backbones do.
    private Tensor InWholePatches(Tensor x)
    {
        if (_config.Embed != EmbedKind.Patch) { return x; }
        x = ImagePadding.ToMultiple(x, _config.StemStride);
        var missing = _video is null ? 0 : ImagePadding.Missing(x.Shape[2], _video.StemStrideDepth);
        return missing == 0 ? x : F.Pad(x, [0, 0, 0, 0, 0, missing]);
    }
}
