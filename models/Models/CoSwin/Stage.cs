using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>Blocks of one resolution, then a down-sampling that halves the map and doubles the channels (not in the last stage).</summary>
internal sealed class Stage
{
    private readonly SwinBlock[] _blocks;
    private readonly ConvEmbed? _convolution;
    private readonly PatchMerging? _merging;
    private readonly int _endFrames;

    /// <summary>A stage over images, or over clips when <paramref name="video"/> is given.</summary>
    public Stage(CoSwinConfig config, int index, int grid, double[] dropPath, Weights w, VideoCoSwinConfig? video = null)
    {
        WindowShape Window(bool isShifted) => video?.BlockWindow(index, grid, isShifted) ?? config.BlockWindow(grid, isShifted);
        var dim = config.EmbedDim << index;
        _blocks = [.. Enumerable.Range(0, config.Depths[index]).Select(j =>
            new SwinBlock(config, dim, config.Heads[index], Window(isShifted: j % 2 == 1), dropPath[j], w["blocks"][j]))];
        if (index == config.Depths.Length - 1) { return; }
        var norm = config.PreNorm ? EmbedNorm.Before : EmbedNorm.After;
        if (config.Embed == EmbedKind.Convolution)
        {
            _endFrames = video is null ? 0 : video.MergeDepth / 2;
            _convolution = video is null ? new ConvEmbed(dim, 2 * dim, 3, 2, 1, w["downsample"], norm)
                : new ConvEmbed(dim, 2 * dim, (video.MergeDepth, 3, 3), (1, 2, 2), (0, 1, 1), w["downsample"], norm);
        }
        else { _merging = new PatchMerging(dim, w["downsample"]); }
    }

    /// <summary>[B, h, w, C] → [B, h, w, C].</summary>
    public Tensor Blocks(Tensor x) => _blocks.Aggregate(x, (tokens, block) => block.Forward(tokens));

    /// <summary>[B, h, w, C] → [B, h/2, w/2, 2C], frames kept; the last stage passes its tokens on.</summary>
    public Tensor Downsample(Tensor x)
    {
        // The end frames repeated, not zeros: a still clip then stays still (inflated kernels lose no weight at the ends).
        if (_endFrames > 0) { x = F.Pad(x, [0, 0, 0, 0, 0, 0, _endFrames, _endFrames], PadMode.Replicate); }
        return _convolution?.Forward(x) ?? _merging?.Forward(x) ?? x;
    }

    /// <summary>Side of the map after down-sampling: a 3×3/2 convolution with padding 1 and a padded 2×2 merging agree.</summary>
    public int GridAfter(int grid) => _convolution is null && _merging is null ? grid : (grid + 1) / 2;
}

/// <summary>Swin's merging of 2×2 neighbours: concatenate (0,0), (1,0), (0,1), (1,1) → LayerNorm(4C) → Linear(4C → 2C). Odd maps are
/// padded with zeros before the LayerNorm (torchvision). Liu et al. 2021, §3.1.</summary>
public sealed class PatchMerging(int dim, Weights w) : TensorModule(w)
{
    private readonly LayerNorm _norm = new(4 * dim, w["norm"]);
    private readonly Linear _reduction = new(4 * dim, 2 * dim, w["reduction"], bias: false);

    /// <summary>[B, h, w, C] → [B, ⌈h/2⌉, ⌈w/2⌉, 2C]; clips [B, t, h, w, C] frame by frame.</summary>
    public override Tensor Forward(Tensor x)
    {
        if (x.Rank == 5)
        {
            var frames = Forward(x.Flatten(0, 1));
            return frames.Reshape(x.Shape[0], x.Shape[1], frames.Shape[1], frames.Shape[2], frames.Shape[3]);
        }

        if (x.Shape[1] % 2 + x.Shape[2] % 2 > 0) { x = F.Pad(x, [0, 0, 0, x.Shape[2] % 2, 0, x.Shape[1] % 2]); }
        int h = x.Shape[1] / 2, w = x.Shape[2] / 2, c = x.Shape[3];
        var merged = x.Reshape(x.Shape[0], h, 2, w, 2, c).Permute(0, 1, 3, 4, 2, 5).Reshape(x.Shape[0], h, w, 4 * c);
        return _reduction.Forward(_norm.Forward(merged));
    }
}
