using System.Collections.Generic;
using FlorenceKernels.Tensors;
using static TorchSharp.torch.nn;
using TorchTensor = TorchSharp.torch.Tensor;

namespace FlorenceKernels.Benchmarks;

/// <summary>CoSwin's convolutional embeddings with their LayerNorm, forward and backward. Tokens are channels-last on both sides.</summary>
internal static class ConvEmbedRows
{
    public static IEnumerable<RatioRow> Rows =>
    [
        new FunctionRow("conv-embed-7x7s4", 0.9, [Arg.Constant(8, 3, 224, 224), Small(96, 3, 7, 7), Arg.Grad(96), Arg.Grad(96), Arg.Grad(96)],
            x => F.LayerNorm(F.ConvTokens(x[0], x[1], x[2], 4, 2), x[3], x[4]), x => Tokens(x, x[0], 4, 2)),
        new FunctionRow("conv-embed-3x3s2", 0.9, [Arg.Grad(8, 56, 56, 96), Small(192, 96, 3, 3), Arg.Grad(192), Arg.Grad(192), Arg.Grad(192)],
            x => F.LayerNorm(F.ConvTokens(x[0], x[1], x[2], 2, 1, channelsLast: true), x[3], x[4]),
            x => Tokens(x, x[0].permute(0, 3, 1, 2), 2, 1)),
    ];

    private static TorchTensor Tokens(TorchTensor[] x, TorchTensor image, long stride, long padding) =>
        functional.layer_norm(functional.conv2d(image, x[1], x[2], [stride, stride], [padding, padding]).permute(0, 2, 3, 1),
            [x[3].shape[0]], x[3], x[4]);

    private static Arg Small(params int[] shape) => new(shape, Low: -0.1, High: 0.1);
}
