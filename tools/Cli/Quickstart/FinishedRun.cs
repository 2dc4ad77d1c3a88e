using System;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using FlorenceKernels.Checkpoints;
using FlorenceKernels.Data;
using FlorenceKernels.Training;

namespace FlorenceKernels.Cli;

/// <summary>A trained and evaluated run, and the files that tell about it.</summary>
internal sealed record FinishedRun(TrainingPlan Plan, PretrainResult Result, OpenedData Data, OpenedModel Model,
    EvaluationResult Evaluation,
    TimeSpan Elapsed, string CommandLine)
{
    /// <summary>Images of the training split.</summary>
    public int TrainImages { get; } = Data.Dataset.Indices(PairSplit.Train).Length;

    /// <summary>Time spent in training steps, over all sessions.</summary>
    public TimeSpan Trained { get; } = TimeSpan.FromSeconds(
        RunFolder.ReadObject(Path.Combine(Result.CheckpointDirectory, "state.json"))["TrainedSeconds"]?.GetValue<double>() ?? 0);

    /// <summary>Writes plots, sheets, metrics.json and report.html into the run's folder; the result is what metrics.json
    /// holds.</summary>
    public JsonObject Write()
    {
        var steps = RunFolder.Steps(Plan.Output);
        var logBatch = Math.Log(Plan.Options.BatchSize);
        (string File, Picture Picture)[] pictures =
        [
            ("loss.png", Plots.Curve("Training loss", "contrastive loss, mean over both directions",
                [.. steps.Select(s => new CurvePoint(s.Step, s.Loss))], true, logBatch, "ln of the batch size: guessing")),
            ("learning-rate.png",
                Plots.Curve("Learning rate", "", [.. steps.Select(s => new CurvePoint(s.Step, s.LearningRate))], false)),
            ("zeroshot.png", Plots.Scores("Zero-shot classification", Evaluation.ZeroShot)),
            ("retrieval.png", Plots.Scores("Retrieval recall", Evaluation.Retrieval)),
            ("contact-zeroshot.png", ContactSheets.Classified(Data.Dataset, Evaluation.Classified)),
            ("contact-retrieval.png", ContactSheets.Retrieved(Data.Dataset, Evaluation.Retrieved)),
        ];
        foreach (var (file, picture) in pictures)
        {
            picture.Save(Path.Combine(Plan.Output, file));
            picture.Dispose();
        }

        var metrics = Metrics(steps.Count > 0 ? steps[^1].Loss : Result.FinalLoss);
        AtomicFile.WriteText(Path.Combine(Plan.Output, "metrics.json"), metrics.ToJsonString(RunFolder.Indented) + "\n");
        AtomicFile.WriteText(Path.Combine(Plan.Output, "report.html"), new HtmlReport(this).Write());
        return metrics;
    }

    private JsonObject Metrics(double loss)
    {
        var rows = Evaluation.Rows().ToArray();
        JsonArray Array(System.Collections.Generic.IEnumerable<ScoreRow> scores) => new([.. scores.Select(r => r.ToJson())]);
        return new JsonObject
        {
            ["finished"] = true,
            ["steps"] = Result.Steps,
            ["batchSize"] = Plan.Options.BatchSize,
            ["trainImages"] = TrainImages,
            ["trainedSeconds"] = Trained.TotalSeconds,
            ["loss"] = loss,
            ["scores"] = Array(rows),
            ["validation"] = Array(Evaluation.Validation),
            ["trainTop1"] = Evaluation.TrainTop1,
            ["targetsMet"] = rows.Count(r => r.IsMet == true),
            ["targetsMissed"] = rows.Count(r => r.IsMet == false),
            ["limits"] = new JsonArray([.. Diagnosis.Of(this).Select(l => JsonValue.Create(l))]),
            ["data"] = Data.Fingerprint,
            ["checkpoint"] = Path.GetRelativePath(Plan.Output, Result.CheckpointDirectory),
        };
    }
}
