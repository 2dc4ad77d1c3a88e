using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>A loop over equally shaped strided operands, with axes merged wherever all operands allow, so that contiguous tensors are one
/// long row and broadcasts are short strides of 0.</summary>
internal sealed class StridedLoop
{
    private readonly int[] _sizes;
    private readonly long[][] _strides;

    public StridedLoop(Shape shape, params ReadOnlySpan<long[]> strides)
    {
        var sizes = new List<int>();
        var merged = strides.ToArray().Select(_ => new List<long>()).ToArray();
        for (var axis = 0; axis < shape.Length; axis++)
        {
            if (shape[axis] == 1) { continue; }
            var last = sizes.Count - 1;
            var joins = last >= 0;
            for (var op = 0; joins && op < strides.Length; op++) { joins = merged[op][last] == strides[op][axis] * shape[axis]; }
            if (joins) { sizes[last] *= shape[axis]; } else { sizes.Add(shape[axis]); }
            for (var op = 0; op < strides.Length; op++)
            {
                if (joins) { merged[op][last] = strides[op][axis]; } else { merged[op].Add(strides[op][axis]); }
            }
        }

        if (sizes.Count == 0)
        {
            sizes.Add(1);
            foreach (var m in merged) { m.Add(0); }
        }

        _sizes = [.. sizes];
        _strides = [.. merged.Select(m => m.ToArray())];
        Count = shape.Count;
    }

    public long Count { get; }

    /// <summary>Length of the innermost axis.</summary>
    public int Inner => _sizes[^1];

    /// <summary>Number of innermost rows.</summary>
    public long Rows => Count == 0 ? 0 : Count / Inner;

    public int Rank => _sizes.Length;

    /// <summary>Step of an operand along the innermost axis.</summary>
    public long InnerStride(int operand) => _strides[operand][^1];

    /// <summary>Where a row of an operand starts.</summary>
    public long RowOffset(int operand, long row)
    {
        long offset = 0;
        for (var axis = _sizes.Length - 2; axis >= 0; axis--)
        {
            row = Math.DivRem(row, _sizes[axis], out var i);
            offset += i * _strides[operand][axis];
        }

        return offset;
    }

    public GpuSizes Sizes(string op) => new(Padded(_sizes, 1, op));

    public GpuSizes Steps(int operand, string op) => new(Padded([.. _strides[operand].Select(s => checked((int)s))], 0, op));

    private static int[] Padded(int[] values, int fill, string op)
    {
        if (values.Length > 6) { throw new ShapeException($"{op}: more than 6 axes of unrelated strides; call Contiguous() first"); }
        return [.. Enumerable.Repeat(fill, 6 - values.Length), .. values];
    }
}

/// <summary>Six sizes or strides as a GPU kernel argument: named fields, because kernels can not index arrays in registers.</summary>
internal readonly struct GpuSizes(int[] v)
{
    public readonly int A = v[0], B = v[1], C = v[2], D = v[3], E = v[4], G = v[5];

    /// <summary>Offset of element <paramref name="i"/> of a tensor with these sizes under <paramref name="s"/>.</summary>
    public int Offset(int i, GpuSizes s)
    {
        var q = i / G;
        var offset = (i - q * G) * s.G;
        var p = q / E;
        offset += (q - p * E) * s.E;
        q = p / D;
        offset += (p - q * D) * s.D;
        p = q / C;
        offset += (q - p * C) * s.C;
        q = p / B;
        offset += (p - q * B) * s.B;
        return offset + q * s.A;
    }
}
