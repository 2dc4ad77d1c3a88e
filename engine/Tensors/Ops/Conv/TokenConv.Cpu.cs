using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// Conv, PatchRows: blocks of positions of all images unfold into rows [positions, windows], one window per row.
//   y[P, O] = col·Wᵀ        dcol = dy·W, gathered into dx        dW += dyᵀ·col
// With x channels last a row is kh runs of kw·C neighbours and W is brought to the order (taps, C) first; with x channels first
// it is C·kh runs of kw neighbours in W's own order. Traffic: taps/stride² times x through L3; with a small W (the stem, where
// unfolding is a large part) through L2, each thread multiplying the rows it unfolded.
internal static unsafe class TokenConvCpu<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int BlockBytes = 4 << 20;
    private const int PanelBytes = 256 << 10;
    private const int SmallWeightBytes = 128 << 10; // packed again by each panel: at most a fiftieth of its product
    private const int WeightParts = 16;

    public static void Forward(ConvGeometry g, T* x, T* weight, T* bias, T* y)
    {
        using var ordered = g.XLast ? ByTap(g, weight) : null;
        var w = ordered is null ? weight : ordered.Pointer<T>();
        var block = RowsPerBlock(g);
        void Rows(long from, long to)
        {
            using var scratch = ConvCpu<T>.Scratch(block * g.Depth);
            var col = scratch.Pointer<T>();
            var rows = (int)(to - from);
            PatchRows<T>.Fill(g, x, from, rows, col);
            if (bias is not null) { Repeat(bias, g.Outputs, y + from * g.Outputs, rows); }
            ConvGemm.Multiply(rows, g.Outputs, g.Depth, col, g.Depth, 1, w, 1, g.Depth, y + from * g.Outputs, g.Outputs,
                add: bias is not null);
        }

        var total = (long)g.Batch * g.Positions;
        if (HasSmallWeight(g)) { CpuThreads.ForRange(total, block, Rows); }
        else { ForBlocks(0, total, block, Rows); }
    }

    public static void WeightGrad(ConvGeometry g, T* dy, T* x, T* dw)
    {
        using var ordered = g.XLast ? ConvCpu<T>.Scratch((long)g.Outputs * g.Depth) : null;
        var w = ordered is null ? dw : ordered.Pointer<T>();
        var total = (long)g.Batch * g.Positions;
        if (HasSmallWeight(g)) { WeightGradInParts(g, dy, x, w, total); }
        else { WeightGrad(g, dy, x, w, 0, total); }
        if (g.XLast) { Transpose(w, dw, g.Outputs, g.Taps, g.Channels); }
    }

    // A fixed number of parts, whatever the threads, added in order.
    private static void WeightGradInParts(ConvGeometry g, T* dy, T* x, T* w, long total)
    {
        var size = (long)g.Outputs * g.Depth;
        var part = Math.Max((total + WeightParts - 1) / WeightParts, 64);
        using var scratch = ConvCpu<T>.Scratch(WeightParts * size);
        var sums = scratch.Pointer<T>();
        CpuThreads.ForRange(total, part, (from, to) => WeightGrad(g, dy, x, sums + from / part * size, from, to));
        Simd.Run<T, SumKernel>(new SumKernel(w, sums, size, (total + part - 1) / part));
    }

    private static void WeightGrad(ConvGeometry g, T* dy, T* x, T* w, long first, long end)
    {
        using var scratch = ConvCpu<T>.Scratch(RowsPerBlock(g) * g.Depth);
        var col = scratch.Pointer<T>();
        ForBlocks(first, end, RowsPerBlock(g), (from, to) =>
        {
            PatchRows<T>.Fill(g, x, from, (int)(to - from), col);
            ConvGemm.Multiply(g.Outputs, g.Depth, (int)(to - from), dy + from * g.Outputs, 1, g.Outputs, col, g.Depth, 1, w,
                g.Depth,
                add: from > first);
        });
    }

    // Cheaper than the product's epilogue, which takes each tile through memory once more.
    private static void Repeat(T* row, int count, T* to, long rows) =>
        CpuThreads.ForRange(rows, Math.Max(1, (1 << 15) / count), (from, end) =>
        {
            for (var i = from; i < end; i++) { new Span<T>(row, count).CopyTo(new Span<T>(to + i * count, count)); }
        });

    private static void ForBlocks(long first, long end, long block, Action<long, long> body)
    {
        for (var from = first; from < end; from += block) { body(from, Math.Min(end, from + block)); }
    }

    private static bool HasSmallWeight(ConvGeometry g) => (long)g.Outputs * g.Depth * sizeof(T) <= SmallWeightBytes;

    private static long RowsPerBlock(ConvGeometry g) => Math.Min((long)g.Batch * g.Positions,
        Math.Max(64, (HasSmallWeight(g) ? PanelBytes : BlockBytes) / ((long)g.Depth * sizeof(T))));

    private readonly struct SumKernel(T* to, T* parts, long size, long count) : ISimdKernel<T>
    {
        public void Run<R>() where R : struct, ISimd<R, T>
        {
            Buffer.MemoryCopy(parts, to, size * sizeof(T), size * sizeof(T));
            for (var i = 1; i < count; i++) { ConvRows.Add<R, T>(to, parts + i * size, size); }
        }
    }

    /// <summary>x has its channels last. Blocks are whole images, so that each row of dx is gathered at once.</summary>
    public static void InputGrad(ConvGeometry g, T* dy, T* weight, T* dx)
    {
        using var w = ByTap(g, weight);
        var imageBytes = (long)g.Positions * g.Depth * sizeof(T);
        var images = (int)Math.Clamp(BlockBytes / imageBytes, 1, g.Batch);
        using var scratch = ConvCpu<T>.Scratch((long)images * g.Positions * g.Depth);
        var col = scratch.Pointer<T>();
        for (var b = 0; b < g.Batch; b += images)
        {
            var count = Math.Min(images, g.Batch - b);
            ConvGemm.Multiply(count * g.Positions, g.Depth, g.Outputs, dy + (long)b * g.Positions * g.Outputs, g.Outputs, 1,
                w.Pointer<T>(), g.Depth, 1, col, g.Depth, add: false);
            PatchRows<T>.Fold(g, col, count, dx + (long)b * g.Inputs * g.Channels);
        }
    }

    // W [O, C, taps] as [O, taps, C].
    private static Tensor ByTap(ConvGeometry g, T* weight)
    {
        var ordered = ConvCpu<T>.Scratch((long)g.Outputs * g.Depth);
        Transpose(weight, ordered.Pointer<T>(), g.Outputs, g.Channels, g.Taps);
        return ordered;
    }

    // [outer, rows, columns] to [outer, columns, rows].
    private static void Transpose(T* from, T* to, int outer, int rows, int columns)
    {
        var size = (long)rows * columns;
        CpuThreads.ForRange(outer, Math.Max(1, (1 << 15) / size), (first, end) =>
        {
            for (var o = first; o < end; o++)
            {
                T* source = from + o * size, target = to + o * size;
                for (var c = 0; c < columns; c++)
                {
                    for (var r = 0; r < rows; r++) { target[(long)c * rows + r] = source[(long)r * columns + c]; }
                }
            }
        });
    }
}
