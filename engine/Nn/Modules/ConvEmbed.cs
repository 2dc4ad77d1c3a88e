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

/// <summary>Overlapping convolution, then LayerNorm over channels: the patch embedding and the down-sampling of CoSwin (Florence §2.2, CvT
/// §3.1). <c>proj.weight [out, in, k, k]</c>, <c>proj.bias</c>, <c>norm.*</c>. Convolutions keep PyTorch's default initialisation.</summary>
public sealed class ConvEmbed : Module
{
    private readonly Tensor _weight, _bias;
    private readonly LayerNorm? _norm;
    private readonly int _stride, _padding;
    private readonly EmbedNorm _place;

    /// <summary>Kernel k×k, stride and zero padding; output side ⌊(side + 2·padding − k)/stride⌋ + 1.</summary>
    public ConvEmbed(int inputs, int outputs, int kernel, int stride, int padding, Weights w, EmbedNorm norm = EmbedNorm.After) : base(w)
    {
        var fanIn = inputs * kernel * kernel;
        _weight = w["proj"].Get("weight", [outputs, inputs, kernel, kernel], Init.FanIn(fanIn));
        _bias = w["proj"].Get("bias", [outputs], Init.FanIn(fanIn));
        _norm = norm == EmbedNorm.None ? null : new LayerNorm(norm == EmbedNorm.Before ? inputs : outputs, w["norm"]);
        (_stride, _padding, _place) = (stride, padding, norm);
    }

    /// <summary>Images [B, in, H, W] → tokens [B, H', W', out].</summary>
    /// <exception cref="ShapeException">LayerNorm before the convolution needs channels-last tokens.</exception>
    public Tensor ForwardImage(Tensor x)
    {
        Check.That(_place != EmbedNorm.Before, $"conv_embed: LayerNorm before the stem is not defined for images {x.Shape}");
        return Finish(F.ConvTokens(x, _weight, _bias, _stride, _padding));
    }

    /// <summary>Tokens [B, H, W, in] → tokens [B, H', W', out].</summary>
    public Tensor Forward(Tensor x)
    {
        if (_place == EmbedNorm.Before) { x = _norm!.Forward(x); }
        return Finish(F.ConvTokens(x, _weight, _bias, _stride, _padding, channelsLast: true));
    }

    private Tensor Finish(Tensor y) => _place == EmbedNorm.After ? _norm!.Forward(y) : y;
}
