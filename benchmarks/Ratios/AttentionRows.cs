using System.Collections.Generic;
using FlorenceKernels.Tensors;
using TorchSharp;
using TorchTensor = TorchSharp.torch.Tensor;

namespace FlorenceKernels.Benchmarks;

/// <summary>Attention, forward and backward: shifted windows of CoSwin-T's and Video CoSwin-T's first stage, alone and between their
/// projections, against the eager pipeline and against libtorch's fused attention; and whole sequences.</summary>
internal static class AttentionRows
{
    private const int Heads = 3, Window = 7, Shift = 3, Depth = 8, ShiftDepth = 4;

    private static readonly WindowShape Image = new(Window, Window, Shift, Shift), Clip = Image with { Depth = Depth, ShiftD = ShiftDepth };

    private static readonly TorchWindow TorchClip = new(Depth, Window, ShiftDepth, Shift);

    public static IEnumerable<RatioRow> Rows =>
    [
        new FunctionRow("window-attention", 2, [Arg.Grad(8, 56, 56, 288), Table(1, true)], x => F.WindowAttention(x[0], x[1], Heads, Image),
            x => TorchWindowAttention.OfProjected(x[0], x[1], Heads, Window, Shift)),
        // libtorch's fused kernel has no gradient for the bias.
        new FunctionRow("window-attention-fused", 1.5, [Arg.Grad(8, 56, 56, 288), Table(1, false)], x => F.WindowAttention(x[0], x[1], Heads, Image),
            x => TorchWindowAttention.OfProjected(x[0], x[1], Heads, Window, Shift, isFused: true)),
        new FunctionRow("window-attention-projected", 2,
            [Arg.Grad(8, 56, 56, 96), Small(288, 96), Small(288), Table(1, true), Small(96, 96), Small(96)],
            x => F.Linear(F.WindowAttention(F.Linear(x[0], x[1], x[2]), x[3], Heads, Image), x[4], x[5]),
            x => TorchWindowAttention.Of(x[0], x[1], x[2], x[3], x[4], x[5], Heads, Window, Shift)),
        new FunctionRow("window-attention-3d", 3, [Arg.Grad(1, 16, 56, 56, 288), Table(Depth, true)],
            x => F.WindowAttention(x[0], x[1], Heads, Clip), x => TorchWindowAttention.OfClip(x[0], x[1], Heads, TorchClip)),
        new FunctionRow("window-attention-3d-fused", 1.5, [Arg.Grad(1, 16, 56, 56, 288), Table(Depth, false)],
            x => F.WindowAttention(x[0], x[1], Heads, Clip), x => TorchWindowAttention.OfClip(x[0], x[1], Heads, TorchClip, isFused: true)),
        Sequence(8, 77, isCausal: true), Sequence(2, 1024, isCausal: false),
    ];

    private static Arg Table(int depth, bool needsGrad) => new([(2 * depth - 1) * (2 * Window - 1) * (2 * Window - 1), Heads], needsGrad);

    private static Arg Small(params int[] shape) => new(shape, Low: -0.1, High: 0.1);

    private static FunctionRow Sequence(int batch, int tokens, bool isCausal) => new($"self-attention-{tokens}", 1, [Arg.Grad(batch, tokens, 3 * 512)],
        x => F.SelfAttention(x[0], 8, isCausal), x => FusedSequence(x[0], 8, isCausal));

    private static TorchTensor FusedSequence(TorchTensor qkv, long heads, bool isCausal)
    {
        long batch = qkv.shape[0], tokens = qkv.shape[1], width = qkv.shape[2] / 3;
        var parts = qkv.view(batch, tokens, 3, heads, width / heads).permute(2, 0, 3, 1, 4);
        return torch.nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_casual: isCausal)
            .transpose(1, 2).reshape(batch, tokens, width);
    }
}
