using System.Threading;
using FlorenceKernels.Runtime;
using FlorenceKernels.Training;

namespace FlorenceKernels.Cli;

/// <summary>Trains by a plan with live progress; used by <c>pretrain</c> and <c>quickstart</c>.</summary>
internal static class TrainingSession
{
    /// <summary>Starts the run or goes on with it.</summary>
    public static PretrainResult Execute(VerbCall call, string verb, TrainingPlan plan, OpenedData data, Device device,
        CancellationToken stop)
    {
        plan.RequireSameRun(data.Fingerprint);
        if (plan.HasRun) { call.Screen.Line($"going on with the run in {plan.Output}"); }
        var isRecorded = false;
        var result = call.Screen.Progress("pretrain", report
            => PretrainRun.Execute(plan.Prepared(), data.Dataset, plan.Output, device, resume: true, p =>
        {
            if (!isRecorded && p.Phase == "train")
            {
                RunFolder.CompleteArguments(plan.Output, call, verb, data.Fingerprint);
                isRecorded = true;
            }

            report(Progress(p));
        }, stop));
        if (!isRecorded) { RunFolder.CompleteArguments(plan.Output, call, verb, data.Fingerprint); }
        return result;
    }

    private static StageProgress Progress(PretrainProgress p) => p.Steps == 0
        ? new StageProgress(0, $"{p.Phase}, {p.PairsPerSecond:0} pairs/s")
        : new StageProgress((double)p.Step / p.Steps, $"step {p.Step}/{p.Steps}, loss {p.Loss:0.000}, lr {p.LearningRate:g3}, "
            + $"{p.PairsPerSecond:0} pairs/s", p.Remaining);
}
