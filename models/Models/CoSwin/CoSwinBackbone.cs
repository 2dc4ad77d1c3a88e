using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>CoSwin, or Swin, as the backbone of a detector (Florence §2.4; Liu et al. 2021, §4.2): the tokens of each stage
/// before its down-sampling, through a LayerNorm of their own, as maps. Images of any size: they are padded with zeros at the
/// right and the bottom to whole stem strides, and windows as the configuration's rule says. Parameter names are the encoder's,
/// with <c>norm{stage}.*</c> in place of <c>norm.*</c>.</summary>
public sealed class CoSwinBackbone : Module
{
    private readonly Stem _stem;
    private readonly PositionTable? _positions;
    private readonly Stages _stages;
    private readonly LayerNorm[] _norms;
    private readonly CoSwinConfig _config;

    /// <summary>Builds the backbone under <paramref name="w"/>.</summary>
    /// <param name="config">The encoder; its classes are not used.</param> <param name="w">Where its parameters are.</param>
    /// <param name="firstStage">Stages before it give no map.</param>
    /// <exception cref="FlorenceException">There is no such stage, or sizes contradict each other.</exception>
    public CoSwinBackbone(CoSwinConfig config, Weights w, int firstStage = 0) : base(w)
    {
        _config = config.Validated();
        var stages = config.Depths.Length;
        if (firstStage < 0 || firstStage >= stages)
        {
            throw new FlorenceException($"backbone: there is no stage {firstStage}; the encoder has {stages}, counted from 0");
        }

        _stem = new Stem(config, w["patch_embed"]);
        var grid = _stem.Grid(config.ImageSize);
        _positions = config.AbsolutePositions ? new PositionTable(grid, config.EmbedDim, w) : null;
        _stages = new Stages(config, grid, w);
        int[] used = [.. Enumerable.Range(firstStage, stages - firstStage)];
        _norms = [.. used.Select(i => new LayerNorm(config.EmbedDim << i, w[$"norm{i}"]))];
        Channels = [.. used.Select(i => config.EmbedDim << i)];
        Strides = [.. used.Select(i => config.StemPixels << i)];
    }

    /// <summary>Channels of each map.</summary>
    public IReadOnlyList<int> Channels { get; }

    /// <summary>Pixels between neighbours of each map.</summary>
    public IReadOnlyList<int> Strides { get; }

    /// <summary>Images [B, 3, H, W] → maps [B, C_i, ⌈H/s_i⌉, ⌈W/s_i⌉], fine to coarse.</summary>
    /// <exception cref="ShapeException">They are no images of this encoder's channels.</exception>
    public IReadOnlyList<Tensor> Forward(Tensor images)
    {
        Check.HasRank("backbone", "images", images, 4, $"[B, {_config.Channels}, H, W]");
        Check.HasShape("backbone", "images", images, images.Shape.With(1, _config.Channels));
        var tokens = _stem.Forward(ImagePadding.ToMultiple(images, _config.StemPixels));
        var outputs = _stages.Forward(_positions?.AddTo(tokens) ?? tokens);
        return [.. outputs[^_norms.Length..].Zip(_norms, (x, norm) => norm.Forward(x).Permute(0, 3, 1, 2))];
    }
}
