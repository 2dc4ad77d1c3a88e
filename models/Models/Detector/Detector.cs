using System.Collections.Generic;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>The object detector on a vision backbone (Florence, arXiv 2111.11432, §2.4; Dai et al., arXiv 2106.08322):
/// backbone maps C3, C4, C5 → feature pyramid P3 … P7 → Dynamic Head → ATSS head → losses or detections.
/// <c>fpn.*</c>, <c>dyhead_tower.*</c>, <c>head.*</c>.</summary>
public sealed class Detector : Module
{
    private readonly FeaturePyramid _pyramid;
    private readonly DynamicHead _dynamicHead;
    private readonly AtssHead _head;

    /// <summary>Builds the detector's parts under <paramref name="w"/>.</summary>
    public Detector(DetectorConfig config, Weights w) : base(w)
    {
        Config = config.Validated();
        var channels = config.DynamicHead.Channels;
        _pyramid = new FeaturePyramid(config.BackboneChannels, channels, w["fpn"]);
        _dynamicHead = new DynamicHead(config.DynamicHead, w);
        _head = new AtssHead(channels, config.Classes, config.Strides.Count, w["head"]);
    }

    /// <summary>The configuration.</summary>
    public DetectorConfig Config { get; }

    /// <summary>Backbone maps [B, C_i, H_i, W_i] of strides 8, 16, 32 → predictions at every location.</summary>
    /// <exception cref="ShapeException">The maps' number, channels or sizes do not fit.</exception>
    public HeadOutput Forward(IReadOnlyList<Tensor> maps) => _head.Forward(_dynamicHead.Forward(_pyramid.Forward(maps)));

    /// <summary>The losses of a batch.</summary>
    /// <param name="output">Predictions of <see cref="Forward"/>.</param> <param name="images">The objects of each image.</param>
    public DetectionLosses Losses(HeadOutput output, IReadOnlyList<IReadOnlyList<GroundTruth>> images) =>
        new AtssLoss(Config.Loss).Compute(output, AnchorsOf(output), images);

    /// <summary>The detections of each image, in pixels of the padded input.</summary>
    /// <param name="output">Predictions of <see cref="Forward"/>.</param>
    public IReadOnlyList<Detection[]> Detect(HeadOutput output) =>
        new AtssInference(Config.Inference).Detect(output, AnchorsOf(output));

    private IReadOnlyList<BoundingBox[]> AnchorsOf(HeadOutput output) =>
        Anchors.Pyramid(output.Sizes, Config.Strides, Config.AnchorScale);
}
