using System.Collections.Generic;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>What a vision tower gives; maps of clips have an axis of time behind the batch.</summary>
/// <param name="Tokens">Tokens of the last stage after the final LayerNorm, [B, h, w, F].</param>
/// <param name="Pooled">Their mean, [B, F].</param> <param name="Stages">Tokens of each stage before its down-sampling, [B, h, w, C].</param>
public sealed record VisionFeatures(Tensor Tokens, Tensor Pooled, IReadOnlyList<Tensor> Stages);

/// <summary>CoSwin, the image encoder of Florence (§2.2): Swin's shifted-window blocks between convolutional embeddings.
/// Image [B, 3, H, W] → stem 7×7/4 → { blocks, 3×3/2 } × 3 → blocks → LayerNorm → mean over tokens [B, F].
/// Parameter names are those of the released <c>coswin.py</c> and of Swin.</summary>
public sealed class CoSwin : TensorModule
{
    private readonly Stem _stem;
    private readonly PositionTable? _positions;
    private readonly Trunk _trunk;
    private readonly Linear? _head;

    /// <summary>Builds the encoder under <paramref name="w"/>.</summary>
    public CoSwin(CoSwinConfig config, Weights w) : base(w)
    {
        Config = config.Validated();
        _stem = new Stem(config, w["patch_embed"]);
        var grid = _stem.Grid(config.ImageSize);
        _positions = config.AbsolutePositions ? new PositionTable(grid, config.EmbedDim, w) : null;
        _trunk = new Trunk(config, grid, w);
        _head = config.Classes > 0 ? new Linear(config.Features, config.Classes, w["head"]) : null;
    }

    /// <summary>The configuration.</summary>
    public CoSwinConfig Config { get; }

    /// <summary>Images [B, 3, H, W] → pooled features [B, F].</summary>
    public override Tensor Forward(Tensor x)
    {
        using var scope = TensorScope.Begin();
        return scope.Keep(Encode(x, keepStages: false).Pooled);
    }

    /// <summary>Class scores [B, classes] of pooled features.</summary>
    /// <exception cref="FlorenceException">The model was built without a head.</exception>
    public Tensor Classify(Tensor pooled) =>
        (_head ?? throw new FlorenceException("this CoSwin has no classification head; set classes in its configuration")).Forward(pooled);

    /// <summary>All features, for detectors and tests.</summary>
    public VisionFeatures Encode(Tensor x, bool keepStages = true)
    {
        Check.HasRank("coswin", "image", x, 4, $"[B, {Config.Channels}, H, W]");
        Check.That(x.Shape[1] == Config.Channels, $"coswin: image is {x.Shape}, expected {Config.Channels} channels on axis 1");
        x = _stem.Forward(x);
        return _trunk.Encode(_positions?.AddTo(x) ?? x, keepStages);
    }
}
