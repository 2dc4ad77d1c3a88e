using System.Collections.Generic;
using System.Linq;

namespace FlorenceKernels.Cli;

/// <summary>Says from the run's own figures what stands between it and a higher score.</summary>
internal static class Diagnosis
{
    private const double StillFalling = 0.01, Fitted = 0.8, Gap = 0.15, Slower = 1.3;

    /// <summary>Sentences, the most telling first.</summary>
    public static IReadOnlyList<string> Of(FinishedRun run)
    {
        var said = new List<string>();
        var steps = RunFolder.Steps(run.Plan.Output);
        var epochs = (double)run.Result.Steps * run.Plan.Options.BatchSize / run.TrainImages;
        said.Add($"The run took {run.Result.Steps} steps of {run.Plan.Options.BatchSize} pairs: {epochs:0.0} passes over "
            + $"{run.TrainImages} training images.");
        if (run.Plan.Options.Steps == 0 && run.Trained.TotalMinutes > Slower * run.Plan.Options.Minutes)
        {
            said.Add($"Training took {Duration.Text(run.Trained)} where {run.Plan.Options.Minutes:0.#} min were planned: the "
                + $"machine "
                + "was busier than when its speed was measured, so on a quiet one the same time gives more steps.");
        }

        if (LossFall(steps) is { } fall && fall > StillFalling)
        {
            said.Add($"The loss was still falling when the learning rate ran out ({fall:P1} lower over the last tenth than over "
                + $"the tenth before): more time helps.");
        }

        var (train, test) = (run.Evaluation.TrainTop1,
            run.Evaluation.ZeroShot.FirstOrDefault(r => r.Id == "zeroshot.artist.top1")?.Value);
        if (train < Fitted)
        {
            said.Add($"On a sample of its own training images top-1 is {train:P1}: the model has not yet learned the drawings "
                + $"it saw, so steps or capacity limit it.");
        }
        if (test is { } held && train - held > Gap)
        {
            said.Add($"Training images score {train:P1} and the held-out artist {held:P1}: the rest of the gap is the change of "
                + $"style, where augmentation and more artists help.");
        }

        foreach (var row in run.Evaluation.Rows().Where(r => r.Bar is { } bar && r.Value < bar))
        {
            said.Add($"{row.Name} is below the non-learned bar ({row.Value:P1} against {row.Bar:P1}): the nearest training "
                + $"picture still knows more than the model there.");
        }

        return said;
    }

    private static double? LossFall(IReadOnlyList<LoggedStep> steps)
    {
        var tenth = steps.Count / 10;
        if (tenth < 2) { return null; }
        double last = steps.TakeLast(tenth).Average(s => s.Loss),
            before = steps.SkipLast(tenth).TakeLast(tenth).Average(s => s.Loss);
        return before > 0 ? (before - last) / before : null;
    }
}
