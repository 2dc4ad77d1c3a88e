using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>The stages behind the stem, one at half the resolution of the one before: the same for images and clips.</summary>
internal sealed class Stages
{
    private readonly Stage[] _stages;

    /// <summary>Stages for maps of <paramref name="grid"/>×<paramref name="grid"/> tokens.</summary>
    public Stages(CoSwinConfig config, int grid, Weights w, VideoCoSwinConfig? video = null)
    {
        var rates = DropPath.LinearRates(config.Depths.Sum(), config.DropPath);
        _stages = new Stage[config.Depths.Length];
        for (int i = 0, block = 0; i < _stages.Length; block += config.Depths[i++])
        {
            _stages[i] = new Stage(config, i, grid, rates[block..(block + config.Depths[i])], w["layers"][i], video);
            grid = _stages[i].GridAfter(grid);
        }
    }

    /// <summary>Tokens of the stem, channels last → tokens of each stage before its down-sampling.</summary>
    public Tensor[] Forward(Tensor x)
    {
        var outputs = new Tensor[_stages.Length];
        for (var i = 0; i < outputs.Length; i++)
        {
            outputs[i] = _stages[i].Blocks(x);
            if (i + 1 < outputs.Length) { x = _stages[i].Downsample(outputs[i]); }
        }

        return outputs;
    }
}
