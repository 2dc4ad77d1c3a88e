using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using FlorenceKernels.Data;
using FlorenceKernels.Datasets;
using FlorenceKernels.Training;

namespace FlorenceKernels.Cli;

/// <summary><c>florence quickstart</c>: data, training, evaluation and a report in one go.</summary>
internal sealed class QuickstartVerb : Verb
{
    private const double DefaultMinutes = 10;

    public QuickstartVerb(CommonOptions common) : base(common, "quickstart",
        "Fetch real data, train a small two-tower model on the CPU, evaluate it and write a report; started again, it goes on",
        "florence quickstart",
        "florence quickstart --minutes 60 --out runs/hour",
        "florence quickstart --data shapes --minutes 1 --out runs/shapes")
    {
        Flag<string>("--data", "data",
            "auto, emoji, shapes (made pictures, no download) or the folder of a data set [default: auto]", "NAME|DIR");
        Flag<double>("--minutes", "minutes", "Time for everything after the download [default: 10]", "N");
        Flag<long>("--steps", "options.steps", "Steps to train, instead of what the time allows", "N");
        Flag<string>("--model", "options.model", "Built-in model or JSON file of one [default: nano]", "NAME|FILE");
        Flag<string>("--out", "out", "Folder of the run and its report [default: runs/quickstart]", "DIR");
        Flag<string>("--resume", "resume", "auto goes on with a run in the folder, never refuses one [default: auto]",
            "auto|never");
        BindSeed("options.seed");
    }

    protected override JsonObject Defaults(GivenSettings given)
    {
        var minutes = given.Find("minutes") is { } asked ? SettingsTree.NumberOf(asked) : DefaultMinutes;
        if (!(minutes > 0)) { throw new UsageException($"--minutes {minutes}: the time must be positive"); }
        var defaults = TrainingPlan.Defaults(given, new PretrainOptions { Minutes = TrainingShare(minutes) }, "auto",
            "runs/quickstart");
        defaults["minutes"] = DefaultMinutes;
        return defaults;
    }

    protected override int Run(VerbCall call)
    {
        var plan = TrainingPlan.From(call.Settings);
        var device = call.OpenDevice();
        using var interrupts = new Interrupts(call.Screen);
        using var data = Standing(plan) ?? DataSource.Open(plan.Data, call.Screen, interrupts.Token);
        var watch = Stopwatch.StartNew();
        var bars = Bars(call.Screen, plan, data);
        var result = TrainingSession.Execute(call, "quickstart", plan, data, device, interrupts.Token);
        if (!result.IsFinished)
        {
            call.Screen.Line($"stopped at step {result.Step} of {result.Steps}, saved in {result.CheckpointDirectory}; go on "
                + $"with: {call.CommandLine}");
            call.Screen.Result(new JsonObject
            {
                ["finished"] = false,
                ["step"] = result.Step,
                ["steps"] = result.Steps,
                ["resume"] = call.CommandLine
            });
            return 0;
        }

        using var model = new OpenedModel(plan.Output, device);
        var evaluation = call.Screen.Progress("evaluate", report
            => new Evaluation(model, data, bars, call.Settings.Number("minutes"), report, interrupts.Token).Run());
        var run = new FinishedRun(plan, result, data, model, evaluation, watch.Elapsed, call.CommandLine);
        var metrics = run.Write();
        Print(call, run, metrics);
        return 0;
    }

    // What is left of the budget when drawing, the bar and the evaluation are done.
    private static double TrainingShare(double minutes) => minutes - Math.Min(1.5, 0.15 * minutes);

    // A run that is gone on with keeps its data set, even where the registries are out of reach now.
    private static OpenedData? Standing(TrainingPlan plan)
    {
        var recorded = plan.HasRun ? RunFolder.ReadArguments(plan.Output)?["recorded"]?["data"]?.ToString() : null;
        if (recorded is null || Array.IndexOf(DataSource.Names, plan.Data) < 0) { return null; }
        var folder = DataSource.FolderOf(plan.Data, DataSource.Side);
        return BuildReport.Read(folder) is { } report && report.Inputs == recorded
            ? new OpenedData(PairDataset.Open(folder), report) : null;
    }

    private static IReadOnlyList<BarScore> Bars(Screen screen, TrainingPlan plan, OpenedData data) =>
        screen.Progress("non-learned bar", report =>
        {
            report(new StageProgress(0, "nearest picture on every held-out split"));
            return BarFile.ReadOrCompute(Path.Combine(plan.Output, "bars.json"), data);
        });

    private static void Print(VerbCall call, FinishedRun run, JsonObject metrics)
    {
        call.Screen.Table(["score", "among", "chance", "non-learned bar", "ours", "target", ""],
            run.Evaluation.Rows().Select(r => new[]
        {
            r.Name, r.Among, $"{r.Chance:P2}", r.Bar is { } bar ? $"{bar:P1}" : "-", $"{r.Value:P1}", r.Target is { } target
                ? $"{target:P0}" : "-", r.Verdict,
        }));
        call.Screen.Line($"report: {Path.GetFullPath(Path.Combine(run.Plan.Output, "report.html"))}");
        call.Screen.Result(metrics);
    }
}
