using System.Collections.Generic;
using FlorenceKernels.Tensors;
using static TorchSharp.torch;
using TorchTensor = TorchSharp.torch.Tensor;

namespace FlorenceKernels.Benchmarks;

/// <summary>Losses that are one op here and several there, forward and backward.</summary>
internal static class LossRows
{
    private const double Alpha = 0.25;

    public static IEnumerable<RatioRow> Rows =>
    [
        new FunctionRow("linear-cross-entropy-512x256x32768", 1,
            [Arg.Grad(512, 256), new([32768, 256], Low: -0.1, High: 0.1), new([512], Ids: 32768, NeedsGrad: false)],
            x => F.LinearCrossEntropy(x[0], x[1], null, x[2]), x => nn.functional.cross_entropy(nn.functional.linear(x[0], x[1]), x[2]))
        {
            Memory = MemoryKind.Extra, MemoryGoal = 2,
        },
        new FunctionRow("focal-loss-20000x80", 1, [new([20000, 80], Low: -5, High: 5), new([20000], Ids: 81, NeedsGrad: false)],
            x => F.SigmoidFocalLoss(x[0], x[1]), x => Focal(x[0], x[1])),
    ];

    // α_t·(1 − p_t)²·CE of one-hot targets, class 0 the background (Lin et al. 2017, eq. 5).
    private static TorchTensor Focal(TorchTensor logits, TorchTensor labels)
    {
        var targets = nn.functional.one_hot(labels, logits.shape[1] + 1).narrow(1, 1, logits.shape[1]).to_type(logits.dtype);
        var p = logits.sigmoid();
        var right = p * targets + (1 - p) * (1 - targets);
        var loss = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction: nn.Reduction.None) * (1 - right).pow(2);
        return (loss * (Alpha * targets + (1 - Alpha) * (1 - targets))).sum();
    }
}
