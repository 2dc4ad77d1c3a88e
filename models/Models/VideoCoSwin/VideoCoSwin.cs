using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>Video CoSwin, the video encoder of Florence (§2.5): CoSwin with tubes for patches and 3-D windows. Clip [B, 3, T, H,
/// W] → stem (Kt, 7, 7)/(St, 4, 4) → { blocks, (Km, 3, 3)/(1, 2, 2) } × 3 → blocks → LayerNorm → mean over tokens [B, F]. Its
/// parameters have CoSwin's names; <see cref="VideoWeights.Inflate"/> makes them from an image model's.</summary>
public sealed class VideoCoSwin : TensorModule
{
    private readonly Stem _stem;
    private readonly Trunk _trunk;
    private readonly Linear? _head;
    private readonly Dropout _dropout;

    /// <summary>Builds the encoder under <paramref name="w"/>.</summary>
    public VideoCoSwin(VideoCoSwinConfig config, Weights w) : base(w)
    {
        Config = config.Validated();
        var image = config.Image;
        _stem = new Stem(image, w["patch_embed"], config);
        _trunk = new Trunk(image, _stem.Grid(image.ImageSize), w, config);
        _head = image.Classes > 0 ? new Linear(image.Features, image.Classes, w["head"], init: Init.Normal(0.01)) : null;
        _dropout = new Dropout(config.HeadDropout, w);
    }

    /// <summary>The configuration.</summary>
    public VideoCoSwinConfig Config { get; }

    /// <summary>Clips [B, 3, T, H, W] → pooled features [B, F].</summary>
    public override Tensor Forward(Tensor x)
    {
        using var scope = TensorScope.Begin();
        return scope.Keep(Encode(x, keepStages: false).Pooled);
    }

    /// <summary>Class scores [B, classes] of pooled features, after dropout in training.</summary>
    /// <exception cref="FlorenceException">The model was built without a head.</exception>
    public Tensor Classify(Tensor pooled) =>
        (_head ?? throw new FlorenceException("this VideoCoSwin has no classification head; set its image's classes"))
        .Forward(_dropout.Forward(pooled));

    /// <summary>All features: tokens [B, t, h, w, F], their mean, and the tokens of each stage.</summary>
    public VisionFeatures Encode(Tensor x, bool keepStages = true)
    {
        var channels = Config.Image.Channels;
        Check.HasRank("video_coswin", "clip", x, 5, $"[B, {channels}, T, H, W]");
        Check.That(x.Shape[1] == channels, $"video_coswin: clip is {x.Shape}, expected {channels} channels on axis 1");
        return _trunk.Encode(_stem.Forward(x), keepStages);
    }
}
