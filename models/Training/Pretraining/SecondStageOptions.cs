using System.Collections.Immutable;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Training;

/// <summary>The last part of a pre-training run, where the learning rate is low: pictures and texts come nearer to those of evaluation, and
/// fewer texts that one picture has (Florence §2.1: stage 2 trains without the augmented texts). Chosen on the validation artist.</summary>
public sealed record SecondStageOptions
{
    /// <summary>Share of the steps after which it begins; 1 for one stage only.</summary>
    public double From { get; init; } = 0.7;

    /// <summary>As <see cref="PretrainOptions.TemplateProb"/>.</summary>
    public double TemplateProb { get; init; } = 0.2;

    /// <summary>As <see cref="PretrainOptions.SourceShares"/>.</summary>
    public ImmutableDictionary<string, double> SourceShares { get; init; } = ImmutableDictionary<string, double>.Empty.Add("openclipart", 0.1);

    /// <summary>As <see cref="PretrainOptions.Augmentation"/>, milder.</summary>
    public AugmentationOptions Augmentation { get; init; } = new()
    {
        MinScale = 0.7,
        MaxScale = 1.1,
        Degrees = 7,
        Shear = 0.05,
        ColourJitter = 0.3,
        StrokeProb = 0.2,
        ErasingProb = 0,
    };

    internal void Validate()
    {
        if (!(From is > 0 and <= 1)) { throw new FlorenceException($"pretrain: secondStage.from is {From}; it is a share of the steps, above 0 and at most 1"); }
        if (!(TemplateProb is >= 0 and <= 1) || SourceShares.Values.Any(s => s is not (>= 0 and <= 1)))
        {
            throw new FlorenceException("pretrain: secondStage.templateProb and secondStage.sourceShares lie in [0, 1]");
        }

        Augmentation.Validate();
    }
}
