using System.Collections.Generic;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

/// <summary>The unified contrastive loss of a large batch, forward and backward: time, and memory beyond the features.</summary>
internal static class ContrastiveRows
{
    private const int Batch = 8192, Width = 512;

    public static IEnumerable<RatioRow> Rows =>
    [
        new FunctionRow("contrastive-8192x512", 1.0,
            [Feature, Feature, new Arg([], Low: 2.6, High: 2.7), new Arg([Batch], Ids: Batch / 2, NeedsGrad: false)],
            x => F.ContrastiveLoss(x[0], x[1], x[2], x[3]), x => TorchContrastive.Loss(x[0], x[1], x[2], x[3]))
        {
            Memory = MemoryKind.Extra,
            MemoryGoal = 8,
            Tolerance = 5e-4,
        },
    ];

    private static Arg Feature => Arg.Grad(Batch, Width);
}
