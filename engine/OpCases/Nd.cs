using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.OpCases;

/// <summary>A plain float64 array for oracles: the meaning of an op in scalar code, nothing shared with the engine's kernels.</summary>
public sealed class Nd(double[] data, Shape shape)
{
    /// <summary>Zeros.</summary>
    public Nd(Shape shape) : this(new double[shape.Count], shape) { }

    /// <summary>Elements, row-major.</summary>
    public double[] Data => data;

    /// <summary>Sizes.</summary>
    public Shape Shape => shape;

    /// <summary>Element at an index per axis.</summary>
    public double this[params ReadOnlySpan<int> index]
    {
        get => data[Flat(index)];
        set => data[Flat(index)] = value;
    }

    /// <summary>Element at an index of the broadcast shape: axes of size 1 repeat.</summary>
    public double Broadcast(ReadOnlySpan<int> index)
    {
        long flat = 0;
        var lead = index.Length - shape.Length;
        for (var i = 0; i < shape.Length; i++) { flat = flat * shape[i] + (shape[i] == 1 ? 0 : index[lead + i]); }
        return data[flat];
    }

    /// <summary>All indices in row-major order.</summary>
    public static IEnumerable<int[]> Indices(Shape shape)
    {
        var index = new int[shape.Length];
        for (long i = 0; i < shape.Count; i++)
        {
            yield return (int[])index.Clone();
            for (var axis = shape.Length - 1; axis >= 0 && ++index[axis] == shape[axis]; axis--) { index[axis] = 0; }
        }
    }

    /// <summary>A new array computed index by index.</summary>
    public static Nd From(Shape shape, Func<int[], double> value) => new([.. Indices(shape).Select(value)], shape);

    /// <summary>A function of each element.</summary>
    public Nd Map(Func<double, double> f) => new([.. data.Select(f)], shape);

    private long Flat(ReadOnlySpan<int> index)
    {
        long flat = 0;
        for (var i = 0; i < shape.Length; i++) { flat = flat * shape[i] + index[i]; }
        return flat;
    }
}
