using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>The object detector on CoSwin (Florence, arXiv 2111.11432, §2.4; Dai et al., arXiv 2106.08322): image → backbone maps
/// C3, C4, C5 → feature pyramid P3 … P7 → Dynamic Head → ATSS head → losses or detections.
/// <c>fpn.bottom_up.*</c>, <c>fpn.*</c>, <c>dyhead_tower.*</c>, <c>head.*</c>.</summary>
public sealed class Detector : Module
{
    /// <summary>Builds the detector under <paramref name="w"/>.</summary>
    /// <exception cref="FlorenceException">The configuration contradicts itself.</exception>
    public Detector(DetectorConfig config, Weights w) : base(w)
    {
        Config = config.Validated();
        var channels = config.DynamicHead.Channels;
        Backbone = new CoSwinBackbone(config.Backbone, w["fpn"]["bottom_up"], config.FirstStage);
        Pyramid = new FeaturePyramid(Backbone.Channels, channels, w["fpn"]);
        DynamicHead = new DynamicHead(config.DynamicHead, w);
        Head = new AtssHead(channels, config.Classes, config.Strides.Count, w["head"]);
    }

    /// <summary>The configuration.</summary>
    public DetectorConfig Config { get; }

    /// <summary>Images → C3, C4, C5.</summary>
    public CoSwinBackbone Backbone { get; }

    /// <summary>C3, C4, C5 → P3 … P7.</summary>
    public FeaturePyramid Pyramid { get; }

    /// <summary>P3 … P7 → the same, attended.</summary>
    public DynamicHead DynamicHead { get; }

    /// <summary>P3 … P7 → predictions.</summary>
    public AtssHead Head { get; }

    /// <summary>Images [B, 3, H, W] of any size, zeros where an image is smaller than its batch → predictions at every location
    /// of the padded images.</summary>
    /// <exception cref="ShapeException">They are no images of the backbone's channels.</exception>
    public HeadOutput Forward(Tensor images)
    {
        Check.HasRank("detector", "images", images, 4, $"[B, {Config.Backbone.Channels}, H, W]");
        var maps = Backbone.Forward(ImagePadding.ToMultiple(images, Config.SizeDivisor));
        return Head.Forward(DynamicHead.Forward(Pyramid.Forward(maps)));
    }

    /// <summary>The losses of a batch.</summary>
    /// <param name="output">Predictions of <see cref="Forward"/>.</param> <param name="images">The objects of each image.</param>
    /// <param name="averageOverRanks">As in <see cref="AtssLoss.Compute"/>.</param>
    public DetectionLosses Losses(HeadOutput output, IReadOnlyList<IReadOnlyList<GroundTruth>> images,
        Func<double, double>? averageOverRanks = null) =>
        new AtssLoss(Config.Loss).Compute(output, AnchorsOf(output), images, averageOverRanks);

    /// <summary>The detections of each image, in pixels of the padded input; boxes may reach past it.</summary>
    /// <param name="output">Predictions of <see cref="Forward"/>.</param>
    public IReadOnlyList<Detection[]> Detect(HeadOutput output) =>
        new AtssInference(Config.Inference).Detect(output, AnchorsOf(output));

    /// <summary>The detections of each image in descending score, clipped to the image.</summary>
    /// <param name="images">[B, 3, H, W].</param>
    /// <param name="sizes">What of its batch each image fills; the whole by default.</param>
    /// <exception cref="ShapeException">The sizes are not as many as the images.</exception>
    public IReadOnlyList<Detection[]> Detect(Tensor images, IReadOnlyList<(int Height, int Width)>? sizes = null)
    {
        using var noGrad = GradMode.NoGrad();
        using var scope = TensorScope.Begin();
        var found = Detect(Forward(images));
        sizes ??= [.. Enumerable.Repeat((images.Shape[2], images.Shape[3]), found.Count)];
        Check.That(sizes.Count == found.Count, $"detector: {sizes.Count} sizes for {found.Count} images");
        return [.. found.Zip(sizes, (boxes, size) => AtssInference.Rescale(boxes, size, size))];
    }

    private IReadOnlyList<BoundingBox[]> AnchorsOf(HeadOutput output) =>
        Anchors.Pyramid(output.Sizes, Config.Strides, Config.AnchorScale);
}
