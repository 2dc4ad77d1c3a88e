using System.Collections.Immutable;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>How tokens are made and merged.</summary>
public enum EmbedKind
{
    /// <summary>Overlapping convolutions: CoSwin.</summary>
    Convolution,

    /// <summary>4×4 patches and 2×2 merging: the original Swin.</summary>
    Patch,
}

/// <summary>What happens when a feature map is smaller than, or no multiple of, the window; checkpoints are trained with one of them.</summary>
public enum WindowRule
{
    /// <summary>Microsoft Swin and CoSwin: a window larger than the map shrinks when the model is built, and its shift is dropped.
    /// Other map sizes at run time are padded.</summary>
    Shrink,

    /// <summary>torchvision: the map is padded to the window; an axis whose padded size is one window is not shifted.</summary>
    Pad,

    /// <summary>Swin detection backbones: padded, and the shift is kept even when the padded map is one window.</summary>
    PadKeepShift,

    /// <summary>Video-Swin: on each axis alone, a window no smaller than the map shrinks to it and is not shifted; the bias table stays
    /// that of the full window. Larger maps are padded.</summary>
    Clip,
}

/// <summary>A hierarchical windowed vision transformer: CoSwin, or Swin with <see cref="EmbedKind.Patch"/>.</summary>
public sealed record CoSwinConfig
{
    /// <summary>Channels of the first stage; each later stage doubles them.</summary>
    public required int EmbedDim { get; init; }

    /// <summary>Blocks per stage.</summary>
    public required ImmutableArray<int> Depths { get; init; }

    /// <summary>Attention heads per stage.</summary>
    public required ImmutableArray<int> Heads { get; init; }

    /// <summary>Side of the square attention window, in tokens.</summary>
    public int Window { get; init; } = 7;

    /// <summary>Side of the images the model is built for, in pixels.</summary>
    public int ImageSize { get; init; } = 224;

    /// <summary>Colour channels.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>Width of the hidden layer of the MLPs over the width of the tokens.</summary>
    public double MlpRatio { get; init; } = 4;

    /// <summary>Bias on the query, key and value projection.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>Stochastic depth of the last block; earlier blocks have linearly less.</summary>
    public double DropPath { get; init; }

    /// <summary>Initial value of one learnable scale per channel and block on both branches; null for none.</summary>
    public double? LayerScale { get; init; }

    /// <summary>A learned absolute position embedding after the stem.</summary>
    public bool AbsolutePositions { get; init; }

    /// <summary>Convolutions or patches.</summary>
    public EmbedKind Embed { get; init; }

    /// <summary>Channels of 3×3 convolutions, each with LayerNorm and GELU, before the stem's own; the first has its own kernel and stride.
    /// Transformers trained on little data learn much faster behind them (Xiao et al. 2021, "Early convolutions").</summary>
    public ImmutableArray<int> EarlyConvolutions { get; init; } = [];

    /// <summary>Kernel side of the first early convolution, padded by half of it.</summary>
    public int EarlyKernel { get; init; } = 3;

    /// <summary>Stride of the first early convolution.</summary>
    public int EarlyStride { get; init; } = 2;

    /// <summary>Stem kernel side of <see cref="EmbedKind.Convolution"/>.</summary>
    public int StemKernel { get; init; } = 7;

    /// <summary>Stem stride.</summary>
    public int StemStride { get; init; } = 4;

    /// <summary>Stem padding: 2, which is not half the kernel (spec of the released code).</summary>
    public int StemPadding { get; init; } = 2;

    /// <summary>LayerNorm before the down-sampling convolutions instead of after (DaViT).</summary>
    public bool PreNorm { get; init; }

    /// <summary>LayerNorm after the stem.</summary>
    public bool PatchNorm { get; init; } = true;

    /// <summary>Treatment of maps that do not fit the window.</summary>
    public WindowRule WindowRule { get; init; }

    /// <summary>Outputs of a classification head; 0 for none.</summary>
    public int Classes { get; init; }

    /// <summary>Channels of the pooled features: EmbedDim·2^(stages−1).</summary>
    public int Features => EmbedDim << (Depths.Length - 1);

    /// <summary>Pixels between neighbouring tokens of the first stage.</summary>
    internal int StemPixels => StemStride * (EarlyConvolutions.Length > 0 ? EarlyStride : 1);

    /// <summary>The window of a stage's block, built for maps of <paramref name="grid"/>×<paramref name="grid"/> tokens.</summary>
    internal WindowShape BlockWindow(int grid, bool isShifted)
    {
        var isWhole = WindowRule == WindowRule.Shrink && grid <= Window;
        var side = isWhole ? grid : Window;
        var shift = isShifted && !isWhole ? side / 2 : 0;
        return new WindowShape(side, side, shift, shift);
    }

    /// <summary>This configuration, checked.</summary>
    /// <exception cref="FlorenceException">Sizes contradict each other.</exception>
    public CoSwinConfig Validated()
    {
        if (Depths.IsDefaultOrEmpty || Heads.IsDefault || Depths.Length != Heads.Length)
        {
            throw new FlorenceException($"CoSwin: {Depths.Length} depths but {Heads.Length} head counts; give one of each per stage");
        }

        for (var stage = 0; stage < Depths.Length; stage++)
        {
            if ((EmbedDim << stage) % Heads[stage] != 0)
            {
                throw new FlorenceException($"CoSwin: stage {stage} has {EmbedDim << stage} channels, not a multiple of its {Heads[stage]} heads");
            }
        }

        if (EmbedDim <= 0 || Window <= 0 || ImageSize <= 0 || Depths.Any(d => d <= 0))
        {
            throw new FlorenceException("CoSwin: embedDim, window, imageSize and depths must be positive");
        }

        if (EarlyConvolutions.Any(c => c <= 0) || EarlyKernel <= 0 || EarlyStride <= 0 || (Embed == EmbedKind.Patch && EarlyConvolutions.Length > 0))
        {
            throw new FlorenceException("CoSwin: earlyConvolutions need positive channels, kernel and stride, and a convolutional stem");
        }

        return this;
    }
}
