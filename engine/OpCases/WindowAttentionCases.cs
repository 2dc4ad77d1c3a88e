using System.Collections.Generic;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Window attention: shifts, rectangles, padding with and without a padding value, maps of one window, several windows
/// sizes and head sizes.</summary>
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
        new("WindowAttention", "empty", x => F.WindowAttention(x[0], null, 2, new(2, 2)), _ =>
            new Nd([0, 4, 4, 4]), new In([0, 4, 4, 12])),
    ];

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("WindowAttention", "rank", d =>
            F.WindowAttention(Tensor.Ones([2, 3, 6], DType.F32, d), null, 1, new(2, 2)), "[B, H, W, 3C]"),
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
        if (hasTable) { inputs.Add(new In([(2 * w.Height - 1) * (2 * w.Width - 1), heads])); }
        if (hasPad) { inputs.Add(new In([qkv[3]])); }
        int table = hasTable ? 1 : 0, pad = table + 1;
        return new("WindowAttention", label, x =>
            F.WindowAttention(x[0], hasTable ? x[table] : null, heads, w, hasPad ? x[pad] : null),
            x => AttentionOracle.Window(x[0], hasTable ? x[table] : null, heads, w.Height, w.Width, w.ShiftH, w.ShiftW,
                hasPad ? x[pad] : null), [.. inputs])
        { Tolerance32 = 4e-6 };
    }

    private static OpCase Large(string label, int[] qkv, int heads, WindowShape w, bool hasPad = false) =>
        Row(label, qkv, heads, w, true, hasPad) with { IsForSimulator = false };
}
