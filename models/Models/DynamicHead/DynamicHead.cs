using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>The Dynamic Head (Dai et al., arXiv 2106.08322, fig. 1; Florence §2.4): a pyramid of maps → { attention over space,
/// over levels and over tasks } × blocks → a pyramid of the same sizes. It stands between the feature pyramid and the
/// predictors. Order, pooling and hard sigmoid are those of the released implementation, whose parameter names it has:
/// <c>dyhead_tower.{block}.…</c></summary>
public sealed class DynamicHead : Module
{
    private readonly DynamicHeadBlock[] _blocks;

    /// <summary>Builds the stack under <paramref name="w"/>.</summary>
    public DynamicHead(DynamicHeadConfig config, Weights w) : base(w)
    {
        Config = config.Validated();
        _blocks = [.. Enumerable.Range(0, config.Blocks).Select(b => new DynamicHeadBlock(config, w["dyhead_tower"][b]))];
    }

    /// <summary>The configuration.</summary>
    public DynamicHeadConfig Config { get; }

    /// <summary>Levels [B, C, H_l, W_l], fine to coarse, each half the one before (odd sizes rounded up) → levels of the same
    /// shapes.</summary>
    /// <exception cref="ShapeException">There is no level, or a level has another shape.</exception>
    public IReadOnlyList<Tensor> Forward(IReadOnlyList<Tensor> levels)
    {
        Check.That(levels.Count > 0, $"dynamic_head: there are no levels");
        for (var l = 0; l < levels.Count; l++)
        {
            Check.HasRank("dynamic_head", $"level {l}", levels[l], 4, $"[B, {Config.Channels}, H, W]");
            var finer = levels[l > 0 ? l - 1 : 0].Shape;
            var (h, w) = l > 0 ? ((finer[2] + 1) / 2, (finer[3] + 1) / 2) : (finer[2], finer[3]);
            Check.HasShape("dynamic_head", $"level {l}", levels[l], [levels[0].Shape[0], Config.Channels, h, w]);
        }

        return _blocks.Aggregate(levels, (pyramid, block) => block.Forward(pyramid));
    }
}
