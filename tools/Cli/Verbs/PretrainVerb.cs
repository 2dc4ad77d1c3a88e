using System.Text.Json.Nodes;
using FlorenceKernels.Training;

namespace FlorenceKernels.Cli;

/// <summary><c>florence pretrain</c>: contrastive pre-training of the two towers.</summary>
internal sealed class PretrainVerb : Verb
{
    public PretrainVerb(CommonOptions common)
        : base(common, "pretrain", "Train a two-tower model on image-text pairs; interrupted and started again, it goes on",
        "florence pretrain --data emoji --out runs/emoji --minutes 8",
        "florence pretrain --data shapes --model nano --steps 300 --seed 7 --out runs/shapes",
        "florence pretrain --config runs/emoji/args.json --set options.learningRate=5e-4 --out runs/slower",
        "florence pretrain --data data/emoji --set model.image.embedDim=64 --set model.embedDim=128 --out runs/wider")
    {
        Flag<string>("--data", "data", "Folder of a data set, or auto, emoji, shapes [default: auto]", "DIR");
        Flag<string>("--model", "options.model", "Built-in model or JSON file of one [default: nano]", "NAME|FILE");
        Flag<string>("--out", "out", "Folder of the run [default: runs/pretrain]", "DIR");
        Flag<double>("--minutes", "options.minutes", "Time to train, unless --steps is given [default: 8]", "N");
        Flag<long>("--steps", "options.steps", "Steps to train", "N");
        Flag<int>("--batch", "options.batchSize", "Pairs per step [default: 256]", "N");
        Flag<string>("--resume", "resume", "auto goes on with a run in the folder, never refuses one [default: auto]",
            "auto|never");
        BindSeed("options.seed");
    }

    protected override JsonObject Defaults(GivenSettings given) =>
        TrainingPlan.Defaults(given, new PretrainOptions(), "auto", "runs/pretrain");

    protected override int Run(VerbCall call)
    {
        var plan = TrainingPlan.From(call.Settings);
        var device = call.OpenDevice();
        using var interrupts = new Interrupts(call.Screen);
        using var data = DataSource.Open(plan.Data, call.Screen, interrupts.Token);
        var result = TrainingSession.Execute(call, "pretrain", plan, data, device, interrupts.Token);
        call.Screen.Line(result.IsFinished
            ? $"trained {result.Steps} steps, loss {result.FinalLoss:0.0000}; checkpoint {result.CheckpointDirectory}"
            : $"stopped at step {result.Step} of {result.Steps}, saved in {result.CheckpointDirectory}; go on with: "
                + $"{call.CommandLine}");
        call.Screen.Result(new JsonObject
        {
            ["step"] = result.Step,
            ["steps"] = result.Steps,
            ["finished"] = result.IsFinished,
            ["loss"] = result.FinalLoss,
            ["checkpoint"] = result.CheckpointDirectory,
            ["out"] = plan.Output,
        });
        return 0;
    }
}
