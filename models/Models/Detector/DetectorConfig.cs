using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Models;

/// <summary>A one-stage detector: feature pyramid, Dynamic Head, ATSS head. The defaults are the released Dynamic Head detector's
/// (Florence §2.4 and §3.5 use it on CoSwin).</summary>
public sealed partial record DetectorConfig
{
    /// <summary>The image encoder; its last three stages feed the pyramid.</summary>
    public required CoSwinConfig Backbone { get; init; }

    /// <summary>Object classes.</summary>
    public int Classes { get; init; } = 80;

    /// <summary>The Dynamic Head between pyramid and predictors; its channels are the pyramid's.</summary>
    public DynamicHeadConfig DynamicHead { get; init; } = new();

    /// <summary>Pixels between neighbours of each pyramid level, fine to coarse.</summary>
    public IReadOnlyList<int> Strides { get; init; } = [8, 16, 32, 64, 128];

    /// <summary>Side of a level's square anchors over its stride.</summary>
    public int AnchorScale { get; init; } = 8;

    /// <summary>Images are padded at the right and the bottom to multiples of this; the coarsest stride (spec of the released
    /// detector) or less for small images.</summary>
    public int SizeDivisor { get; init; } = 128;

    /// <summary>How predictions are trained.</summary>
    public AtssLossConfig Loss { get; init; } = new();

    /// <summary>How predictions become detections.</summary>
    public AtssInferenceConfig Inference { get; init; } = new();

    /// <summary>The backbone's first stage that gives a map.</summary>
    internal int FirstStage => Backbone.Depths.Length - FeaturePyramid.Inputs;

    /// <summary>This configuration, checked.</summary>
    /// <exception cref="FlorenceException">A size is not positive, the backbone has fewer than three stages, or there are not
    /// five levels whose first strides are the backbone's.</exception>
    public DetectorConfig Validated()
    {
        _ = Backbone.Validated();
        _ = DynamicHead.Validated();
        if (Classes <= 0 || AnchorScale <= 0 || SizeDivisor <= 0 || Strides.Any(v => v <= 0))
        {
            throw new FlorenceException("Detector: classes, anchorScale, sizeDivisor and strides must be positive");
        }

        if (FirstStage < 0 || Strides.Count != FeaturePyramid.Levels)
        {
            throw new FlorenceException(
                $"Detector: {Backbone.Depths.Length} stages and {Strides.Count} strides; the pyramid needs "
                + $"{FeaturePyramid.Inputs} or more and {FeaturePyramid.Levels}");
        }

        int[] own = [.. Enumerable.Range(FirstStage, FeaturePyramid.Inputs).Select(i => Backbone.StemPixels << i)];
        return own.SequenceEqual(Strides.Take(own.Length)) ? this : throw new FlorenceException(
            $"Detector: strides begin {string.Join(", ", Strides.Take(own.Length))}, but the backbone's last stages have "
            + string.Join(", ", own));
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
