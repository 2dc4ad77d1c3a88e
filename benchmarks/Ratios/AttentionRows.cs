using System.Collections.Generic;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

/// <summary>Shifted-window attention of CoSwin-T's first stage, forward and backward: the op alone, and between its two projections.</summary>
internal static class AttentionRows
{
    private const int Heads = 3, Window = 7, Shift = 3;

    public static IEnumerable<RatioRow> Rows =>
    [
        new FunctionRow("window-attention", 2, [Arg.Grad(8, 56, 56, 288), Table],
            x => F.WindowAttention(x[0], x[1], Heads, new WindowShape(Window, Window, Shift, Shift)),
            x => TorchWindowAttention.OfProjected(x[0], x[1], Heads, Window, Shift)),
        new FunctionRow("window-attention-projected", 2,
            [Arg.Grad(8, 56, 56, 96), Small(288, 96), Small(288), Table, Small(96, 96), Small(96)],
            x => F.Linear(F.WindowAttention(F.Linear(x[0], x[1], x[2]), x[3], Heads, new WindowShape(Window, Window, Shift, Shift)), x[4], x[5]),
            x => TorchWindowAttention.Of(x[0], x[1], x[2], x[3], x[4], x[5], Heads, Window, Shift)),
    ];

    private static Arg Table => Arg.Grad((2 * Window - 1) * (2 * Window - 1), Heads);

    private static Arg Small(params int[] shape) => new(shape, Low: -0.1, High: 0.1);
}
