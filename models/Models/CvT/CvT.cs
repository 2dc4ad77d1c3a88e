using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>CvT (Wu et al., arXiv 2103.15808, fig. 2), the origin of CoSwin's convolutional embeddings: image [B, 3, H, W] →
/// { convolutional token embedding, convolutional transformer blocks } × stages → LayerNorm of the class token → scores.
/// Parameter names are those of the released <c>cls_cvt.py</c>.</summary>
public sealed class CvT : TensorModule
{
    private readonly CvTStage[] _stages;
    private readonly LayerNorm _norm;
    private readonly Linear _head;

    /// <summary>Builds the model under <paramref name="w"/>.</summary>
    public CvT(CvTConfig config, Weights w) : base(w)
    {
        Config = config.Validated();
        int Inputs(int i) => i == 0 ? config.Channels : config.Stages[i - 1].Dim;
        _stages = [.. config.Stages.Select((stage, i) => new CvTStage(config, stage, Inputs(i), w[$"stage{i}"]))];
        var last = config.Stages[^1];
        _norm = new LayerNorm(last.Dim, w["norm"]);
        _head = new Linear(last.Dim, config.Classes, w["head"]);
    }

    /// <summary>The configuration.</summary>
    public CvTConfig Config { get; }

    /// <summary>Images [B, 3, H, W] → class scores [B, classes].</summary>
    public override Tensor Forward(Tensor x)
    {
        Check.HasRank("cvt", "image", x, 4, $"[B, {Config.Channels}, H, W]");
        using var scope = TensorScope.Begin();
        var tokens = new CvTTokens(x.Permute(0, 2, 3, 1), null);
        foreach (var stage in _stages) { tokens = stage.Forward(tokens); }
        // Without a class token: the mean over the normalised map.
        var features = tokens.Class is { } own ? _norm.Forward(own.Select(1, 0)) : F.Mean(_norm.Forward(tokens.Map), [1, 2]);
        return scope.Keep(_head.Forward(features));
    }
}

/// <summary>Tokens between the parts: those of the map [B, h, w, C], and the class token [B, 1, C] where the stage has
/// one.</summary>
internal readonly record struct CvTTokens(Tensor Map, Tensor? Class)
{
    /// <summary>All as one sequence, the class token first.</summary>
    public Tensor Sequence => Class is null ? Map.Flatten(1, 2) : F.Cat([Class, Map.Flatten(1, 2)], 1);

    /// <summary>A sequence in the shape of these tokens.</summary>
    public CvTTokens Like(Tensor sequence)
    {
        var first = Class is null ? 0 : 1;
        var map = first == 0 ? sequence : sequence.Slice(1, first, sequence.Shape[1] - first);
        return new(map.Reshape(Map.Shape[0], Map.Shape[1], Map.Shape[2], -1), first == 0 ? null : sequence.Slice(1, 0, 1));
    }
}

/// <summary>Convolutional token embedding (§3.1), then blocks.</summary>
internal sealed class CvTStage
{
    private readonly ConvEmbed _embed;
    private readonly Tensor? _classToken;
    private readonly CvTBlock[] _blocks;

    public CvTStage(CvTConfig config, CvTStageConfig stage, int inputs, Weights w)
    {
        _embed = new ConvEmbed(inputs, stage.Dim, stage.Kernel, stage.Stride, stage.Padding, w["patch_embed"]);
        _classToken = stage.HasClassToken ? w.Get("cls_token", [1, 1, stage.Dim], Init.TruncNormal) : null;
        var rates = DropPath.LinearRates(stage.Depth, stage.DropPath);
        _blocks = [.. rates.Select((rate, j) => new CvTBlock(config, stage, rate, w["blocks"][j]))];
    }

    /// <summary>An earlier stage's class token does not go on.</summary>
    public CvTTokens Forward(CvTTokens x)
    {
        var map = _embed.Forward(x.Map);
        var tokens = new CvTTokens(map, _classToken?.Expand(map.Shape[0], 1, map.Shape[3]));
        foreach (var block in _blocks) { tokens = tokens.Like(block.Forward(tokens)); }
        return tokens;
    }
}
