using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>The stages behind the stem and the final LayerNorm: the same for images and clips.</summary>
internal sealed class Trunk(CoSwinConfig config, int grid, Weights w, VideoCoSwinConfig? video = null)
{
    private readonly Stages _stages = new(config, grid, w, video);
    private readonly LayerNorm _norm = new(config.Features, w["norm"]);

    /// <summary>Tokens of the stem, channels last, to all features.</summary>
    public VisionFeatures Encode(Tensor x, bool keepStages)
    {
        var outputs = _stages.Forward(x);
        var tokens = _norm.Forward(outputs[^1]);
        return new VisionFeatures(tokens, F.Mean(tokens, [.. Enumerable.Range(1, tokens.Rank - 2)]), keepStages ? outputs : []);
    }
}
