using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>The stages behind the stem and the final LayerNorm: the same for images and clips.</summary>
internal sealed class Trunk
{
    private readonly Stage[] _stages;
    private readonly LayerNorm _norm;

    /// <summary>Stages for maps of <paramref name="grid"/>×<paramref name="grid"/> tokens.</summary>
    public Trunk(CoSwinConfig config, int grid, Weights w, VideoCoSwinConfig? video = null)
    {
        var rates = DropPath.LinearRates(config.Depths.Sum(), config.DropPath);
        _stages = new Stage[config.Depths.Length];
        for (int i = 0, block = 0; i < _stages.Length; block += config.Depths[i++])
        {
            _stages[i] = new Stage(config, i, grid, rates[block..(block + config.Depths[i])], w["layers"][i], video);
            grid = _stages[i].GridAfter(grid);
        }

        _norm = new LayerNorm(config.Features, w["norm"]);
    }

    /// <summary>Tokens of the stem, channels last, to all features.</summary>
    public VisionFeatures Encode(Tensor x, bool keepStages)
    {
        var outputs = new List<Tensor>();
        foreach (var stage in _stages)
        {
            x = stage.Blocks(x);
            if (keepStages) { outputs.Add(x); }
            x = stage.Downsample(x);
        }

        var tokens = _norm.Forward(x);
        return new VisionFeatures(tokens, F.Mean(tokens, [.. Enumerable.Range(1, tokens.Rank - 2)]), outputs);
    }
}
