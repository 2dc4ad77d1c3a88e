using System.Collections.Generic;
using FlorenceKernels.Tensors;
using TorchSharp;

namespace FlorenceKernels.Benchmarks;

/// <summary>Products, forward.</summary>
internal static class MatMulRows
{
    public static IEnumerable<RatioRow> Rows =>
    [
        Square(256), Square(512), Square(1024), Square(2048),
        new FunctionRow("matmul-batched-512x49x32x49", 1.2, [Arg.Constant(512, 49, 32), Arg.Constant(512, 32, 49)],
            x => F.MatMul(x[0], x[1]), x => x[0].matmul(x[1])),
        new FunctionRow("linear-gelu-25088x96x384", 1.5, [Arg.Constant(25088, 96), Arg.Constant(384, 96), Arg.Constant(384)],
            x => F.Linear(x[0], x[1], x[2], Activation.GeluErf), x => torch.nn.functional.gelu(torch.nn.functional.linear(x[0], x[1], x[2]))),
    ];

    private static FunctionRow Square(int n) => new($"matmul-f32-{n}", 1.4, [Arg.Constant(n, n), Arg.Constant(n, n)],
        x => F.MatMul(x[0], x[1]), x => x[0].matmul(x[1]));
}
