using System.Collections.Generic;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Window attention over images and clips: shifts of each axis, rectangles, padding of each axis with and without a
/// padding value, maps of one window, clipped windows with the full one's table, several window and head sizes.</summary>
public sealed class WindowAttentionCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases =>
    [
        Row("no shift", [2, 4, 6, 12], 2, new(2, 3)), Row("shift", [2, 4, 6, 12], 2, new(2, 3, 1, 2)),
        Row("shift of one axis", [1, 4, 6, 6], 1, new(2, 3, 0, 1)),
        Row("one shifted window", [1, 4, 4, 12], 2, new(4, 4, 2, 1)), Row("padded", [2, 3, 5, 12], 2, new(2, 3), hasPad: true),
        Row("padded and shifted", [2, 3, 5, 12], 2, new(2, 3, 1, 1), hasPad: true),
        Row("padded with zeros", [1, 5, 3, 6], 1, new(3, 2, 1, 0)),
        Row("smaller than the window", [2, 3, 2, 6], 1, new(4, 3), hasPad: true),
        Row("pad value unused", [1, 2, 3, 6], 1, new(2, 3), hasPad: true),
        Row("no bias", [1, 4, 4, 24], 2, new(2, 2, 1, 1), hasTable: false),
        Large("7x7", [1, 14, 7, 3 * 48], 3, new(7, 7, 3, 3)),
        Large("7x7 padded", [2, 9, 10, 3 * 34], 2, new(7, 7, 3, 3), hasPad: true),
        Large("d 33", [1, 6, 6, 3 * 33], 1, new(6, 6, 3, 3)), Large("12x12", [1, 24, 12, 3 * 16], 1, new(12, 12, 6, 6)),
        Row("clip", [2, 4, 4, 6, 12], 2, Clip(2, 2, 3)), Row("clip shifted", [1, 4, 4, 6, 12], 2, Clip(2, 2, 3, 1, 1, 2)),
        Row("clip shifted in time", [1, 5, 2, 3, 6], 1, Clip(3, 2, 3, 1), hasPad: true),
        Row("clip shifted in height", [1, 3, 5, 2, 6], 1, Clip(2, 3, 2, 0, 2), hasPad: true),
        Row("clip shifted in width", [1, 2, 3, 7, 6], 1, Clip(2, 2, 3, 0, 0, 1), hasPad: true),
        Row("clip padded in time", [2, 3, 2, 3, 12], 2, Clip(2, 2, 3), hasPad: true),
        Row("clip padded with zeros", [1, 3, 5, 5, 6], 1, Clip(2, 2, 3, 1, 1, 1)),
        Row("clip without bias", [1, 3, 4, 4, 24], 2, Clip(3, 2, 2, 2, 1, 1), hasTable: false),
        Row("clip of one frame", [2, 1, 3, 5, 12], 2, Clip(1, 2, 3, 0, 1, 1), hasPad: true),
        Row("clip smaller than the window", [1, 1, 2, 1, 6], 1, Clip(2, 3, 2), hasPad: true),
        Row("clipped in time", [2, 2, 4, 5, 12], 2, Clip(4, 2, 3, 2, 1, 1).ClippedTo(2, 4, 5), hasPad: true),
        Row("clipped in height", [1, 3, 2, 5, 6], 1, Clip(2, 3, 3, 1, 1, 1).ClippedTo(3, 2, 5), hasPad: true),
        Row("clipped everywhere", [1, 2, 2, 3, 6], 1, Clip(3, 4, 5, 1, 2, 2).ClippedTo(2, 2, 3)),
        Row("sliced table", [1, 2, 3, 4, 6], 1, Clip(2, 4, 4).ClippedTo(2, 3, 8) with { SlicesTable = true }),
        Row("sliced table, clipped width", [1, 3, 3, 2, 6], 1,
            Clip(2, 2, 3, 1, 1, 1).ClippedTo(3, 3, 2) with { SlicesTable = true }),
        Large("clip 2x7x7", [1, 3, 9, 7, 3 * 34], 2, Clip(2, 7, 7, 1, 3, 3), hasPad: true),
        Large("clip 8x3x3", [1, 11, 4, 5, 3 * 33], 1, Clip(8, 3, 3, 4, 1, 1), hasPad: true),
        new("WindowAttention", "empty clip", x => F.WindowAttention(x[0], null, 2, Clip(2, 2, 2)), _ =>
            new Nd([0, 4, 4, 4, 4]), new In([0, 4, 4, 4, 12])),
        new("WindowAttention", "empty", x => F.WindowAttention(x[0], null, 2, new(2, 2)), _ =>
            new Nd([0, 4, 4, 4]), new In([0, 4, 4, 12])),
    ];

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("WindowAttention", "rank", d =>
            F.WindowAttention(Tensor.Ones([2, 3, 6], DType.F32, d), null, 1, new(2, 2)),
            "expected [B, H, W, 3C] or [B, D, H, W, 3C]"),
        new("WindowAttention", "depth of an image", d =>
            F.WindowAttention(Tensor.Ones([1, 2, 2, 6], DType.F32, d), null, 1, Clip(2, 2, 2)),
            "expected a depth of 1 for images"),
        new("WindowAttention", "shift in time", d =>
            F.WindowAttention(Tensor.Ones([1, 2, 2, 2, 6], DType.F32, d), null, 1, Clip(2, 2, 2, 2)), "0 <= shift < size"),
        new("WindowAttention", "no depth", d =>
            F.WindowAttention(Tensor.Ones([1, 2, 2, 2, 6], DType.F32, d), null, 1, Clip(0, 2, 2)), "0 <= shift < size"),
        new("WindowAttention", "smaller table", d => F.WindowAttention(Tensor.Ones([1, 2, 2, 2, 6], DType.F32, d), null, 1,
            Clip(2, 2, 2) with { Table = (2, 1, 2) }), "no larger than the table's"),
        new("WindowAttention", "table of a clip", d => F.WindowAttention(Tensor.Ones([1, 2, 2, 2, 6], DType.F32, d),
            Tensor.Ones([9, 1], DType.F32, d), 1, Clip(2, 2, 2)), "biasTable is [9, 1], expected [27, 1]"),
        new("WindowAttention", "heads", d =>
            F.WindowAttention(Tensor.Ones([1, 2, 2, 12], DType.F32, d), null, 3, new(2, 2)), "multiple of 3 heads"),
        new("WindowAttention", "shift", d =>
            F.WindowAttention(Tensor.Ones([1, 2, 2, 6], DType.F32, d), null, 1, new(2, 2, 2, 0)), "0 <= shift < size"),
        new("WindowAttention", "table", d =>
            F.WindowAttention(Tensor.Ones([1, 2, 2, 6], DType.F32, d), Tensor.Ones([4, 1], DType.F32, d), 1, new(2, 2)),
            "biasTable is [4, 1], expected [9, 1]"),
        new("WindowAttention", "pad", d =>
            F.WindowAttention(Tensor.Ones([1, 2, 2, 6], DType.F32, d), null, 1, new(2, 2), Tensor.Ones([2], DType.F32, d)),
            "padQkv is [2], expected [6]"),
        new("WindowAttention", "integers", d =>
            F.WindowAttention(Tensor.Ones([1, 2, 2, 6], DType.I64, d), null, 1, new(2, 2)), "i64 is not computed in"),
    ];

    private static OpCase Row(string label, int[] qkv, int heads, WindowShape w, bool hasTable = true, bool hasPad = false)
    {
        var inputs = new List<In> { new(qkv) };
        var t = w.Table ?? (w.Depth, w.Height, w.Width);
        if (hasTable) { inputs.Add(new In([(2 * t.Depth - 1) * (2 * t.Height - 1) * (2 * t.Width - 1), heads])); }
        if (hasPad) { inputs.Add(new In([qkv[^1]])); }
        int table = hasTable ? 1 : 0, pad = table + 1;
        return new("WindowAttention", label, x =>
            F.WindowAttention(x[0], hasTable ? x[table] : null, heads, w, hasPad ? x[pad] : null),
            x => AttentionOracle.Window(x[0], hasTable ? x[table] : null, heads, w, hasPad ? x[pad] : null),
            [.. inputs])
        { Tolerance32 = 4e-6 };
    }

    private static WindowShape Clip(int depth, int height, int width, int shiftD = 0, int shiftH = 0, int shiftW = 0) =>
        new(height, width, shiftH, shiftW) { Depth = depth, ShiftD = shiftD };

    private static OpCase Large(string label, int[] qkv, int heads, WindowShape w, bool hasPad = false) =>
        Row(label, qkv, heads, w, true, hasPad) with { IsForSimulator = false };
}
