using System.Collections.Immutable;
using System.Linq;
using System.Text.Json.Serialization;
using FlorenceKernels.Models;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Training;

/// <summary>How parameters are updated.</summary>
[JsonConverter(typeof(EnumNames))]
public enum OptimizerKind
{
    /// <summary>AdamW for all of them, as the paper.</summary>
    AdamW,

    /// <summary>Muon for the matrices inside the towers, AdamW for embeddings, projections, norms and biases.</summary>
    Muon,
}

/// <summary>Settings of a contrastive pre-training run; a JSON file of these is the run's configuration.</summary>
public sealed record PretrainOptions
{
    /// <summary>Built-in model name or path of a model configuration.</summary>
    public string Model { get; init; } = "nano";

    /// <summary>Pairs per step.</summary>
    public int BatchSize { get; init; } = 144;

    /// <summary>Steps to train; 0 takes what <see cref="Minutes"/> allows, measured at the start.</summary>
    public long Steps { get; init; }

    /// <summary>Time budget of the training loop in minutes, used when <see cref="Steps"/> is 0.</summary>
    public double Minutes { get; init; } = 8;

    /// <summary>How parameters are updated. From scratch on little data Muon needs about half of AdamW's steps.</summary>
    public OptimizerKind Optimizer { get; init; } = OptimizerKind.Muon;

    /// <summary>Peak learning rate of AdamW.</summary>
    public double LearningRate { get; init; } = 1.6e-3;

    /// <summary>Peak learning rate of Muon; it rises and falls with the other.</summary>
    public double MatrixLearningRate { get; init; } = 4.8e-3;

    /// <summary>Learning rate at the end of the cosine.</summary>
    public double MinLearningRate { get; init; } = 2e-5;

    /// <summary>Share of the steps spent on linear warm-up.</summary>
    public double WarmupShare { get; init; } = 0.08;

    /// <summary>AdamW's decay of weights; biases, norms, position tables and embeddings are exempt.</summary>
    public double WeightDecay { get; init; } = 0.05;

    /// <summary>AdamW's first moment decay.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>AdamW's second moment decay.</summary>
    public double Beta2 { get; init; } = 0.98;

    /// <summary>AdamW's denominator term.</summary>
    public double Epsilon { get; init; } = 1e-6;

    /// <summary>Largest global gradient norm.</summary>
    public double ClipGradNorm { get; init; } = 1;

    /// <summary>Decay of the exponential moving average of the weights that is evaluated and saved; 0 for none.</summary>
    public double EmaDecay { get; init; } = 0.99;

    /// <summary>Seed of initial weights, order, augmentation, templates and drop path.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Share of each batch drawn as pairs of one text, so that batches hold several positives per text.</summary>
    public double SameTextShare { get; init; } = 0.1;

    /// <summary>For a source, the share of its pairs that an epoch draws, others each time; sources not named here are drawn whole.
    /// The thousands of texts that openclipart alone uses would take a quarter of the steps from the names that many artists draw.</summary>
    public ImmutableDictionary<string, double> SourceShares { get; init; } = ImmutableDictionary<string, double>.Empty.Add("openclipart", 0.4);

    /// <summary>Names without pictures, drawn anew each step, that the pictures choose among too; 0 for none. What they add to a small batch a
    /// large one has by itself, and with them the step holds all similarities at once: give 0 with batches of thousands.</summary>
    public int ExtraTexts { get; init; } = 288;

    /// <summary>Probability of taking a pair's long text instead of its short one.</summary>
    public double RichTextProb { get; init; } = 0.05;

    /// <summary>Probability that a short text is put into a template (Florence's second stage has none).</summary>
    public double TemplateProb { get; init; } = 0.2;

    /// <summary>How training pictures are varied.</summary>
    public AugmentationOptions Augmentation { get; init; } = new();

    /// <summary>What changes in the last part of the run.</summary>
    public SecondStageOptions SecondStage { get; init; } = new();

    /// <summary>Steps between lines of the log.</summary>
    public int LogEvery { get; init; } = 10;

    /// <summary>Minutes between checkpoints.</summary>
    public double SaveMinutes { get; init; } = 1;

    /// <summary>Steps between validations; 0 validates at the end only.</summary>
    public int ValidateEvery { get; init; }

    /// <summary>Entries of the vocabulary that is trained on the corpus when no merges file is given.</summary>
    public int Vocabulary { get; init; } = 4096;

    /// <summary>These settings as a stage of the run, 1 or 2, has them.</summary>
    internal PretrainOptions InStage(int stage) => stage == 1 ? this : this with
    {
        TemplateProb = SecondStage.TemplateProb,
        SourceShares = SecondStage.SourceShares,
        Augmentation = SecondStage.Augmentation,
    };

    /// <summary>These settings, checked.</summary>
    /// <exception cref="FlorenceException">A value is out of range.</exception>
    public PretrainOptions Validated()
    {
        void Require(bool holds, string what) { if (!holds) { throw new FlorenceException($"pretrain: {what}"); } }
        Require(BatchSize >= 2, $"batchSize is {BatchSize}; a contrastive loss needs at least 2 pairs");
        Require(Steps >= 0 && Minutes > 0, "steps must not be negative and minutes must be positive");
        Require(LearningRate > 0 && MatrixLearningRate > 0 && MinLearningRate >= 0 && WarmupShare is >= 0 and < 1, "learningRate and matrixLearningRate > 0, minLearningRate >= 0, warmupShare in [0, 1)");
        Require(Beta1 is >= 0 and < 1 && Beta2 is >= 0 and < 1 && Epsilon > 0, "beta1 and beta2 in [0, 1), epsilon > 0");
        Require(SameTextShare is >= 0 and <= 1 && RichTextProb is >= 0 and <= 1 && TemplateProb is >= 0 and <= 1, "shares and probabilities lie in [0, 1]");
        Require(ExtraTexts >= 0, $"extraTexts is {ExtraTexts}; it counts texts and must not be negative");
        Require(SourceShares.Values.All(s => s is >= 0 and <= 1), "sourceShares lie in [0, 1]");
        Augmentation.Validate();
        SecondStage.Validate();
        return this;
    }
}
