using System.Collections.Generic;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

/// <summary>The Dynamic Head's convolution on the level of stride 16 of an 800×1344 image, forward and backward.</summary>
internal static class DeformConvRows
{
    public static IEnumerable<RatioRow> Rows =>
    [
        new FunctionRow("deform-conv-256x50x84", 2.0,
            [Arg.Grad(1, 256, 50, 84), new([1, 18, 50, 84], Low: -1.6, High: 1.6), new([256, 256, 3, 3], Low: -0.02, High: 0.02),
                new([1, 9, 50, 84], Low: 0)],
            x => F.DeformConv2d(x[0], x[1], x[2], x[3], padding: 1), x => TorchDeformConv.Run(x[0], x[1], x[2], x[3], 1, 1)),
    ];
}
