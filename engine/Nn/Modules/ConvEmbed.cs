using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Nn;

/// <summary>Where a convolutional embedding normalises.</summary>
public enum EmbedNorm
{
    /// <summary>No LayerNorm.</summary>
    None,

    /// <summary>Before the convolution, over the input channels (DaViT's later stages).</summary>
    Before,

    /// <summary>After the convolution, over the output channels (CoSwin, CvT).</summary>
    After,
}

/// <summary>Overlapping convolution, then LayerNorm over channels: the patch embedding and the down-sampling of CoSwin (Florence
/// §2.2, CvT §3.1), over images or clips. <c>proj.weight [out, in, (kt,) k, k]</c>, <c>proj.bias</c>, <c>norm.*</c>. Convolutions
/// keep PyTorch's default initialisation.</summary>
public sealed class ConvEmbed : Module
{
    private readonly Tensor _weight, _bias;
    private readonly LayerNorm? _norm;
    private readonly Size3 _stride, _padding;
    private readonly EmbedNorm _place;

    /// <summary>Over images: kernel k×k, stride and zero padding; output side ⌊(side + 2·padding − k)/stride⌋ + 1.</summary>
    public ConvEmbed(int inputs, int outputs, int kernel, int stride, int padding, Weights w, EmbedNorm norm = EmbedNorm.After)
        : this(inputs, outputs, [kernel, kernel], (1, stride, stride), (0, padding, padding), w, norm) { }

    /// <summary>Over clips: kernel, stride and zero padding along time, height and width.</summary>
    public ConvEmbed(int inputs, int outputs, Size3 kernel, Size3 stride, Size3 padding, Weights w,
        EmbedNorm norm = EmbedNorm.After)
        : this(inputs, outputs, [kernel.Depth, kernel.Height, kernel.Width], stride, padding, w, norm) { }

    private ConvEmbed(int inputs, int outputs, Shape kernel, Size3 stride, Size3 padding, Weights w, EmbedNorm norm) : base(w)
    {
        var fanIn = checked((int)(inputs * kernel.Count));
        _weight = w["proj"].Get("weight", [outputs, inputs, .. kernel], Init.FanIn(fanIn));
        _bias = w["proj"].Get("bias", [outputs], Init.FanIn(fanIn));
        _norm = norm == EmbedNorm.None ? null : new LayerNorm(norm == EmbedNorm.Before ? inputs : outputs, w["norm"]);
        (_stride, _padding, _place) = (stride, padding, norm);
    }

    /// <summary>Images [B, in, H, W] → tokens [B, H', W', out], or clips [B, in, T, H, W] → [B, T', H', W', out].</summary>
    /// <exception cref="ShapeException">LayerNorm before the convolution needs channels-last tokens.</exception>
    public Tensor ForwardImage(Tensor x)
    {
        Check.That(_place != EmbedNorm.Before, $"conv_embed: LayerNorm before the stem is not defined for images {x.Shape}");
        return Finish(Convolve(x, channelsLast: false));
    }

    /// <summary>Tokens [B, H, W, in] → tokens [B, H', W', out], or [B, T, H, W, in] → [B, T', H', W', out].</summary>
    public Tensor Forward(Tensor x)
    {
        if (_place == EmbedNorm.Before) { x = _norm!.Forward(x); }
        return Finish(Convolve(x, channelsLast: true));
    }

    private Tensor Convolve(Tensor x, bool channelsLast) => _weight.Rank == 5
        ? F.ConvTokens3d(x, _weight, _bias, _stride, _padding, channelsLast)
        : F.ConvTokens(x, _weight, _bias, (_stride.Height, _stride.Width), (_padding.Height, _padding.Width), channelsLast);

    private Tensor Finish(Tensor y) => _place == EmbedNorm.After ? _norm!.Forward(y) : y;
}
