using System;
using System.Collections.Generic;

namespace FlorenceKernels.Checkpoints;

/// <summary>One tensor of a safetensors file: its key, element type and shape (C order).</summary>
public sealed class SafeTensorsEntry
{
    private readonly long[] _shape;

    /// <summary>Describes a tensor to be written.</summary>
    /// <exception cref="ArgumentException">A dimension is negative, or the byte count does not fit 63 bits.</exception>
    public SafeTensorsEntry(string name, SafeTensorsDType dtype, params ReadOnlySpan<long> shape)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!TryCount(dtype, shape, out long elements, out long bytes))
            throw new ArgumentException($"Shape [{string.Join(", ", shape.ToArray())}] of '{name}' has a negative "
                + "dimension or more bytes than 63 bits hold.", nameof(shape));
        (Name, DType, ElementCount, ByteCount, _shape) = (name, dtype, elements, bytes, shape.ToArray());
    }

    /// <summary>Key.</summary>
    public string Name { get; }

    /// <summary>Element type.</summary>
    public SafeTensorsDType DType { get; }

    /// <summary>Dimensions; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape => _shape;

    /// <summary>Product of the dimensions (1 for a scalar).</summary>
    public long ElementCount { get; }

    /// <summary>Element count times element size.</summary>
    public long ByteCount { get; }

    /// <summary>First byte, counted from the start of the data section.</summary>
    internal long Begin { get; init; }

    /// <summary>Checksum of the data, where the file carries one.</summary>
    internal uint? Checksum { get; set; }

    internal SafeTensorsEntry At(long begin) => new(Name, DType, _shape) { Begin = begin };

    /// <summary>Multiplies left to right, as the format's reference reader does: [2^40, 2^40, 0] overflows, [0, 2^40, 2^40] is
    /// 0.</summary>
    internal static bool TryCount(SafeTensorsDType dtype, ReadOnlySpan<long> shape, out long elements, out long bytes)
    {
        (elements, bytes) = (1, 0);
        foreach (long size in shape)
        {
            if (size < 0 || Math.BigMul(elements, size, out long product) != 0 || product < 0) return false;
            elements = product;
        }
        int width = dtype.ByteSize();
        if (elements > long.MaxValue / width) return false;
        bytes = elements * width;
        return true;
    }
}
