using FlorenceKernels.Runtime;

namespace FlorenceKernels.Models;

/// <summary>How the branch of the coarser neighbour l + 1 is sampled. Offsets and masks are made at level l, so they are larger
/// than that neighbour; the modes differ in how the two meet.</summary>
public enum CoarserLevel
{
    /// <summary>The released implementation, which its weights need: the offsets' and masks' memory is read as if it had the
    /// neighbour's size. Of [18, H, W] the first 18·H'·W' values are taken in order (microsoft/DynamicHead issue 25).</summary>
    Compat,

    /// <summary>mmdetection: the upper left H'×W' corner of offsets and masks.</summary>
    Crop,

    /// <summary>The neighbour is first resized to level l, where offsets and masks belong. For training from scratch.</summary>
    Resample,
}

/// <summary>A stack of Dynamic Head blocks (Dai et al., arXiv 2106.08322). The defaults are the released detector's.</summary>
public sealed record DynamicHeadConfig
{
    /// <summary>Channels of every pyramid level.</summary>
    public int Channels { get; init; } = 256;

    /// <summary>Blocks, one behind the other.</summary>
    public int Blocks { get; init; } = 6;

    /// <summary>Groups of the normalisation behind each deformable convolution.</summary>
    public int NormGroups { get; init; } = 16;

    /// <summary>Channels over the width of the hidden layer of the task attention.</summary>
    public int Reduction { get; init; } = 4;

    /// <summary>How the coarser neighbour is sampled.</summary>
    public CoarserLevel CoarserLevel { get; init; } = CoarserLevel.Compat;

    /// <summary>Offsets start at 0 and masks at ½ (Deformable ConvNets v2, mmdetection), not at the framework's random
    /// values (released implementation).</summary>
    public bool ZeroOffsets { get; init; }

    /// <summary>This configuration, checked.</summary>
    /// <exception cref="FlorenceException">A size is not positive, or the groups or the reduction do not fit the
    /// channels.</exception>
    public DynamicHeadConfig Validated()
    {
        if (Channels <= 0 || Blocks <= 0 || NormGroups <= 0 || Reduction <= 0)
        {
            throw new FlorenceException("DynamicHead: channels, blocks, normGroups and reduction must be positive");
        }

        return Channels % NormGroups == 0 && Channels >= Reduction ? this : throw new FlorenceException(
            $"DynamicHead: {Channels} channels must be a multiple of normGroups {NormGroups} and at least reduction {Reduction}");
    }
}
