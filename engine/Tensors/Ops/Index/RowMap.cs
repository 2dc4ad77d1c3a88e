using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Which row of x each row of y comes from, y[k] = x[source[k]], kept on the host: checked there, and inverted there for the
/// gradient, so that no kernel needs atomics.</summary>
internal sealed class RowMap
{
    private readonly int[] _source;

    public RowMap(int[] source, int rows) => (_source, Rows) = (source, rows);

    /// <summary>Rows of y.</summary>
    public int Count => _source.Length;

    /// <summary>Rows of x.</summary>
    public int Rows { get; }

    /// <summary>Reads an integer tensor as host values; a tensor on a GPU is copied, which waits for the device once.</summary>
    public static long[] Read(string op, string name, Tensor ids, Device device)
    {
        Check.IsInteger(op, name, ids);
        if (!ids.Device.IsCpu && !ReferenceEquals(ids.Device, device))
        {
            throw new DeviceException($"{op}: {name} lies on {ids.Device}, expected {device} or the host; move it with To(device)");
        }

        return ids.DType == DType.I64 ? ids.ToArray<long>() : Array.ConvertAll(ids.ToArray<int>(), v => (long)v);
    }

    /// <summary>A map from an integer tensor, each id checked to lie in [0, rows).</summary>
    /// <exception cref="ShapeException">An id is out of range.</exception>
    public static RowMap From(string op, string name, Tensor ids, int rows, Device device)
    {
        var values = Read(op, name, ids, device);
        var source = new int[values.Length];
        for (var k = 0; k < source.Length; k++)
        {
            InRange(op, name, values[k], k, rows);
            source[k] = (int)values[k];
        }

        return new RowMap(source, rows);
    }

    public static void InRange(string op, string name, long id, long position, int rows) =>
        Check.That((ulong)id < (ulong)rows, $"{op}: {name} {id} at position {position} is outside [0, {rows})");

    /// <summary>The map on a device.</summary>
    public Tensor Sources(Device device) => Tensor.From(_source, [Count], device);

    /// <summary>The inverse: rows of y that came from row r of x are order[starts[r] .. starts[r + 1]], ascending. A stable counting sort.
    /// Rows of y that came from <paramref name="skip"/> are left out.</summary>
    public (Tensor Starts, Tensor Order) Inverse(Device device, int skip = -1)
    {
        var starts = new int[Rows + 1];
        foreach (var r in _source)
        {
            if (r != skip) { starts[r + 1]++; }
        }

        for (var r = 0; r < Rows; r++) { starts[r + 1] += starts[r]; }
        var next = starts.AsSpan(0, Rows).ToArray();
        var order = new int[Count];
        for (var k = 0; k < Count; k++)
        {
            if (_source[k] != skip) { order[next[_source[k]]++] = k; }
        }

        return (Tensor.From(starts, [Rows + 1], device), Tensor.From(order, [Count], device));
    }
}
