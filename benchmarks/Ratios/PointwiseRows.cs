using System.Collections.Generic;
using FlorenceKernels.Tensors;
using static TorchSharp.torch.nn;

namespace FlorenceKernels.Benchmarks;

/// <summary>Memory-bound ops, forward and backward, at the sizes of CoSwin-T and its losses.</summary>
internal static class PointwiseRows
{
    public static IEnumerable<RatioRow> Rows =>
    [
        new FunctionRow("layernorm", 1.0, [Arg.Grad(25088, 96), Arg.Grad(96), Arg.Grad(96)],
            x => F.LayerNorm(x[0], x[1], x[2]), x => functional.layer_norm(x[0], [96], x[1], x[2])),
        new FunctionRow("softmax", 1.0, [new Arg([4096, 1000], Low: -5, High: 5)], x => F.Softmax(x[0]), x => functional.softmax(x[0], -1)),
        new FunctionRow("gelu", 1.0, [new Arg([25088, 384], Low: -4, High: 4)], x => F.Gelu(x[0]), x => functional.gelu(x[0])),
        new FunctionRow("cross-entropy", 1.0, [new Arg([4096, 1000], Low: -5, High: 5), new Arg([4096], Ids: 1000, NeedsGrad: false)],
            x => F.CrossEntropy(x[0], x[1]), x => functional.cross_entropy(x[0], x[1])),
    ];
}
