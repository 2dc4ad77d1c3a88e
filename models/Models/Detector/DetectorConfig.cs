using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Models;

/// <summary>A one-stage detector: feature pyramid, Dynamic Head, ATSS head. The defaults are the released Dynamic Head detector's
/// (Florence §2.4 and §3.5 use it on CoSwin).</summary>
public sealed record DetectorConfig
{
    /// <summary>Channels of the backbone's maps of strides 8, 16 and 32.</summary>
    public IReadOnlyList<int> BackboneChannels { get; init; } = [192, 384, 768];

    /// <summary>Object classes.</summary>
    public int Classes { get; init; } = 80;

    /// <summary>The Dynamic Head between pyramid and predictors; its channels are the pyramid's.</summary>
    public DynamicHeadConfig DynamicHead { get; init; } = new();

    /// <summary>Pixels between neighbours of each pyramid level, fine to coarse.</summary>
    public IReadOnlyList<int> Strides { get; init; } = [8, 16, 32, 64, 128];

    /// <summary>Side of a level's square anchors over its stride.</summary>
    public int AnchorScale { get; init; } = 8;

    /// <summary>How predictions are trained.</summary>
    public AtssLossConfig Loss { get; init; } = new();

    /// <summary>How predictions become detections.</summary>
    public AtssInferenceConfig Inference { get; init; } = new();

    /// <summary>This configuration, checked.</summary>
    /// <exception cref="FlorenceException">A size is not positive, or there are not three backbone maps and five
    /// levels.</exception>
    public DetectorConfig Validated()
    {
        if (Classes <= 0 || AnchorScale <= 0 || BackboneChannels.Concat(Strides).Any(v => v <= 0))
        {
            throw new FlorenceException("Detector: classes, anchorScale, channels and strides must be positive");
        }

        if (BackboneChannels.Count != FeaturePyramid.Inputs || Strides.Count != FeaturePyramid.Levels)
        {
            throw new FlorenceException(
                $"Detector: {BackboneChannels.Count} backbone maps and {Strides.Count} strides; the pyramid has "
                + $"{FeaturePyramid.Inputs} and {FeaturePyramid.Levels}");
        }

        return this;
    }
}

/// <summary>Constants of the ATSS assignment and losses (Zhang et al., arXiv 1912.02424).</summary>
public sealed record AtssLossConfig
{
    /// <summary>Candidates per level and object.</summary>
    public int TopK { get; init; } = 9;

    /// <summary>Focal weight of the present class.</summary>
    public double Alpha { get; init; } = 0.25;

    /// <summary>Focal power.</summary>
    public double Gamma { get; init; } = 2;

    /// <summary>Weight of the box loss.</summary>
    public double BoxWeight { get; init; } = 2;
}

/// <summary>Constants of the ATSS inference.</summary>
public sealed record AtssInferenceConfig
{
    /// <summary>A (location, class) with a class probability at most this is dropped.</summary>
    public double ScoreThreshold { get; init; } = 0.05;

    /// <summary>Best (location, class) pairs kept per level.</summary>
    public int CandidatesPerLevel { get; init; } = 1000;

    /// <summary>Overlap above which the worse of two boxes of one class is dropped.</summary>
    public double NmsThreshold { get; init; } = 0.6;

    /// <summary>Detections kept per image.</summary>
    public int MaxDetections { get; init; } = 100;
}
