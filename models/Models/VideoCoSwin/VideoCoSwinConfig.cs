using System.Collections.Immutable;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>Video CoSwin: an image model and what its extension in time adds (Florence §2.5). The paper gives no temporal sizes;
/// the defaults keep the pre-trained spatial window and grow the temporal one with depth, as it describes. Video-Swin is
/// <see cref="EmbedKind.Patch"/> with <see cref="WindowRule.Clip"/>.</summary>
public sealed record VideoCoSwinConfig
{
    /// <summary>The image model: all sizes but the temporal ones, and the classes of the head.</summary>
    public required CoSwinConfig Image { get; init; }

    /// <summary>Frames (of the stem's output) of a window, per stage. A clip no longer than that is one window in time.</summary>
    public ImmutableArray<int> WindowDepths { get; init; } = [2, 4, 8, 8];

    /// <summary>Frames the stem's kernel covers.</summary>
    public int StemDepth { get; init; } = 2;

    /// <summary>Frames between the stem's tubes.</summary>
    public int StemStrideDepth { get; init; } = 2;

    /// <summary>Frames the down-sampling convolutions cover, odd; the end frames are repeated. Patch merging is per
    /// frame.</summary>
    public int MergeDepth { get; init; } = 3;

    /// <summary>Dropout before the classification head.</summary>
    public double HeadDropout { get; init; } = 0.5;

    /// <summary>Read the bias table of a clipped window as the released Video-Swin code does (<see
    /// cref="WindowShape.SlicesTable"/>); for weights trained so.</summary>
    public bool SlicesBiasTable { get; init; }

    internal WindowShape BlockWindow(int stage, int grid, bool isShifted) => Image.BlockWindow(grid, isShifted) with
    {
        Depth = WindowDepths[stage],
        ShiftD = isShifted ? WindowDepths[stage] / 2 : 0,
        SlicesTable = SlicesBiasTable,
    };

    /// <summary>This configuration, checked.</summary>
    /// <exception cref="FlorenceException">Sizes contradict each other, or the image model has parts that clips do not
    /// have.</exception>
    public VideoCoSwinConfig Validated()
    {
        _ = Image.Validated();
        if (WindowDepths.IsDefault || WindowDepths.Length != Image.Depths.Length || WindowDepths.Any(p => p <= 0))
        {
            throw new FlorenceException($"VideoCoSwin: give a positive windowDepth for each of the {Image.Depths.Length} stages");
        }

        if (StemDepth <= 0 || StemStrideDepth <= 0 || MergeDepth <= 0 || MergeDepth % 2 == 0)
        {
            throw new FlorenceException("VideoCoSwin: stemDepth, stemStrideDepth and mergeDepth must be positive, mergeDepth odd");
        }

        if (Image.Embed == EmbedKind.Patch && StemDepth != StemStrideDepth)
        {
            throw new FlorenceException($"VideoCoSwin: patches do not overlap; stemDepth {StemDepth} and stemStrideDepth {StemStrideDepth} must agree");
        }

        return Image.AbsolutePositions || Image.EarlyConvolutions.Length > 0
            ? throw new FlorenceException("VideoCoSwin: absolutePositions and earlyConvolutions are for images only") : this;
    }
}
