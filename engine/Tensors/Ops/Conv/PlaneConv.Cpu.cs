using System;
using System.Collections.Generic;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// Conv, TapColumns: per image and group, blocks of output rows unfold into columns [C·taps, positions], read and written along the width.
//   y[O, P] = W·col        dcol = Wᵀ·dy, folded into dx        dW += dy·colᵀ
// A 1x1 kernel skips the unfolding. Traffic: taps times x through L3; compute-bound from about 64 channels on.
internal static unsafe class PlaneConvCpu<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int BlockBytes = 12 << 20;

    public static void Forward(ConvGeometry g, T* x, T* weight, T* bias, T* y)
    {
        if (bias is not null) { ConvRows.FillBias(g, bias, y); }
        using var scratch = Columns(g);
        foreach (var block in Blocks(g))
        {
            var col = Unfolded(g, x + block.X, block, scratch.Pointer<T>(), out var step);
            ConvGemm.Multiply(g.GroupOutputs, block.Count, g.Depth, weight + block.W, g.Depth, 1, col, step, 1,
                y + block.Y + block.First, g.Positions, add: bias is not null);
        }
    }

    /// <summary>x has its channels first; dy may have them last.</summary>
    public static void InputGrad(ConvGeometry g, T* dy, T* weight, T* dx)
    {
        using var scratch = Columns(g);
        var (channel, position) = g.YSteps;
        foreach (var block in Blocks(g))
        {
            var col = g.IsPointwise ? dx + block.X : scratch.Pointer<T>();
            ConvGemm.Multiply(g.Depth, block.Count, g.GroupOutputs, weight + block.W, 1, g.Depth,
                dy + block.Y + (long)block.First * position, channel, position, col, block.Count, add: false);
            if (!g.IsPointwise) { TapColumns<T>.Fold(g, col, block.Row, block.EndRow, dx + block.X, isFirst: block.Row == 0); }
        }
    }

    public static void WeightGrad(ConvGeometry g, T* dy, T* x, T* dw)
    {
        using var scratch = Columns(g);
        foreach (var block in Blocks(g))
        {
            var col = Unfolded(g, x + block.X, block, scratch.Pointer<T>(), out var step);
            ConvGemm.Multiply(g.GroupOutputs, g.Depth, block.Count, dy + block.Y + block.First, g.Positions, 1, col, 1, step,
                dw + block.W, g.Depth, add: block.Image > 0 || block.Row > 0);
        }
    }

    private static T* Unfolded(ConvGeometry g, T* x, in ColumnBlock block, T* col, out long step)
    {
        step = block.Count; // a pointwise block is the whole image
        if (g.IsPointwise) { return x; }
        TapColumns<T>.Fill(g, x, block.Row, block.EndRow, col);
        return col;
    }

    private static IEnumerable<ColumnBlock> Blocks(ConvGeometry g)
    {
        var rows = RowsPerBlock(g);
        for (var image = 0; image < g.Batch; image++)
        {
            for (var group = 0; group < g.Groups; group++)
            {
                for (var row = 0; row < g.Rows; row += rows)
                {
                    var plane = image * g.Groups + group;
                    var end = Math.Min(g.Rows, row + rows);
                    yield return new ColumnBlock(image, row, end, row * g.W.Out, (end - row) * g.W.Out,
                        (long)plane * g.GroupChannels * g.Inputs, (long)plane * g.GroupOutputs * g.Positions, (long)group * g.GroupOutputs * g.Depth);
                }
            }
        }
    }

    private static int RowsPerBlock(ConvGeometry g) =>
        g.IsPointwise ? g.Rows : (int)Math.Clamp(BlockBytes / ((long)g.Depth * g.W.Out * sizeof(T)), 1, g.Rows);

    private static Tensor Columns(ConvGeometry g) =>
        ConvCpu<T>.Scratch(g.IsPointwise ? 1 : (long)RowsPerBlock(g) * g.W.Out * g.Depth);
}

/// <summary>Output rows [Row, EndRow) of one group of one image: their first position and count, and where x, y and W of the group start.</summary>
internal readonly record struct ColumnBlock(int Image, int Row, int EndRow, int First, int Count, long X, long Y, long W);

/// <summary>im2col of one image, one tap per row, and its adjoint. Rows are output rows: row = do·Ho + ho.</summary>
internal static unsafe class TapColumns<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 14;

    /// <summary>col[(c, kd, kh, kw), position of rows [from, to)] ← x.</summary>
    public static void Fill(ConvGeometry g, T* x, int from, int to, T* col)
    {
        var count = (to - from) * g.W.Out;
        CpuThreads.ForRange(g.Depth, Math.Max(1, Grain / Math.Max(1, count)), (first, end) =>
        {
            for (var k = first; k < end; k++) { FillRow(g, x, (int)k, from, to, col + k * count); }
        });
    }

    /// <summary>x ← (isFirst ? 0 : x) + the sum over taps of col. Channels are independent, taps add in order.</summary>
    public static void Fold(ConvGeometry g, T* col, int from, int to, T* x, bool isFirst) =>
        Simd.Run<T, FoldKernel>(new FoldKernel(g, col, from, to, x, isFirst));

    private static void FillRow(ConvGeometry g, T* x, int k, int from, int to, T* line)
    {
        var (c, kd, kh, kw) = Split(g, k);
        int low = Math.Min(g.W.First(kw), g.W.Out), high = Math.Max(low, g.W.End(kw)), step = g.W.Stride;
        for (var row = from; row < to; row++, line += g.W.Out)
        {
            var source = InputRow(g, x, c, kd, kh, row);
            if (source is null)
            {
                new Span<T>(line, g.W.Out).Clear();
                continue;
            }

            new Span<T>(line, low).Clear();
            source += g.W.At(low, kw);
            if (step == 1) { new Span<T>(source, high - low).CopyTo(new Span<T>(line + low, high - low)); }
            else
            {
                for (var o = low; o < high; o++) { line[o] = source[(long)(o - low) * step]; }
            }

            new Span<T>(line + high, g.W.Out - high).Clear();
        }
    }

    private static (int C, int Kd, int Kh, int Kw) Split(ConvGeometry g, int k)
    {
        (k, var kw) = Math.DivRem(k, g.W.Kernel);
        (k, var kh) = Math.DivRem(k, g.H.Kernel);
        (k, var kd) = Math.DivRem(k, g.D.Kernel);
        return (k, kd, kh, kw);
    }

    // Start of the input row that an output row reads at a tap; null outside.
    private static T* InputRow(ConvGeometry g, T* x, int c, int kd, int kh, int row)
    {
        var (od, oh) = Math.DivRem(row, g.H.Out);
        int d = g.D.At(od, kd), h = g.H.At(oh, kh);
        var isInside = (uint)d < (uint)g.D.Size && (uint)h < (uint)g.H.Size;
        return isInside ? x + (((long)c * g.D.Size + d) * g.H.Size + h) * g.W.Size : null;
    }

    private readonly struct FoldKernel(ConvGeometry g, T* col, int from, int to, T* x, bool isFirst) : ISimdKernel<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T>
        {
            var self = this;
            var work = (long)g.Taps * (to - from) * g.W.Out + 1;
            CpuThreads.ForRange(g.GroupChannels, Math.Max(1, Grain / work), (first, end) =>
            {
                for (var c = first; c < end; c++) { self.Channel<R>((int)c); }
            });
        }

        private void Channel<R>(int c) where R : struct, ISimd<R, T>
        {
            if (isFirst) { new Span<T>(x + (long)c * g.Inputs, g.Inputs).Clear(); }
            var count = (to - from) * g.W.Out;
            for (var k = c * g.Taps; k < (c + 1) * g.Taps; k++)
            {
                var (_, kd, kh, kw) = Split(g, k);
                int low = g.W.First(kw), high = g.W.End(kw), step = g.W.Stride;
                var line = col + (long)k * count;
                for (var row = from; row < to; row++, line += g.W.Out)
                {
                    var target = InputRow(g, x, c, kd, kh, row);
                    if (target is null || low >= high) { continue; }
                    target += g.W.At(low, kw);
                    if (step == 1) { ConvRows.Add<R, T>(target, line + low, high - low); }
                    else
                    {
                        for (var o = low; o < high; o++) { target[(long)(o - low) * step] += line[o]; }
                    }
                }
            }
        }
    }
}
