using System.Collections.Generic;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Benchmarks;

/// <summary>Whole training steps of the image tower: forward, backward and AdamW.</summary>
internal static class StepRows
{
    public static IEnumerable<RatioRow> Rows =>
    [
        new CoSwinStepRow("coswin-t-step", 1.5, Batch: 8, ImageSize: 224) { Memory = MemoryKind.Peak, MemoryGoal = 1 / 0.7, Tolerance = 2e-3 },
    ];
}

/// <summary>A training step of CoSwin-T.</summary>
internal sealed record CoSwinStepRow(string Name, double Goal, int Batch, int ImageSize) : RatioRow(Name, Goal)
{
    public const double LearningRate = 1e-4, WeightDecay = 0.05;

    public int[] ImageShape => [Batch, 3, ImageSize, ImageSize];

    public override IWorkload Ours(Device device) => new OursCoSwinStep(this, device);

    public override IWorkload Peer() => new TorchCoSwinStep(this);
}
