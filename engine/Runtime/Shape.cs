using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;

namespace FlorenceKernels.Runtime;

/// <summary>Sizes of a tensor's axes, outermost first. Immutable; <c>Shape s = [2, 3]</c>.</summary>
[CollectionBuilder(typeof(Shape), nameof(Create))]
public readonly struct Shape : IEquatable<Shape>, IReadOnlyList<int>
{
    private readonly int[]? _sizes;

    private Shape(int[] sizes) => _sizes = sizes;

    /// <summary>A shape from sizes; an empty list is a scalar.</summary>
    /// <exception cref="ShapeException">A size is negative.</exception>
    public static Shape Create(ReadOnlySpan<int> sizes)
    {
        foreach (var size in sizes)
        {
            if (size < 0) { throw new ShapeException($"a size is negative in [{string.Join(", ", sizes.ToArray())}]"); }
        }

        return new Shape(sizes.ToArray());
    }

    /// <summary>Number of axes.</summary>
    public int Length => _sizes?.Length ?? 0;

    /// <summary>Number of axes (torch's <c>dim()</c>).</summary>
    public int Rank => Length;

    int IReadOnlyCollection<int>.Count => Length;

    /// <summary>Size of an axis; <c>shape[^1]</c> is the last.</summary>
    public int this[int axis] => _sizes![axis];

    /// <summary>Number of elements: the product of the sizes, 1 for a scalar.</summary>
    public long Count
    {
        get
        {
            long n = 1;
            foreach (var size in AsSpan()) { n = checked(n * size); }
            return n;
        }
    }

    /// <summary>The sizes.</summary>
    public ReadOnlySpan<int> AsSpan() => _sizes;

    /// <summary>The axes of a range: <c>shape[..^1]</c>.</summary>
    public Shape Slice(int start, int length) => Create(AsSpan().Slice(start, length));

    /// <summary>This shape with one size replaced.</summary>
    public Shape With(int axis, int size)
    {
        var sizes = AsSpan().ToArray();
        sizes[axis] = size;
        return Create(sizes);
    }

    /// <summary>This shape followed by more axes.</summary>
    public Shape Append(params ReadOnlySpan<int> sizes) => Create([.. AsSpan(), .. sizes]);

    /// <summary>Maps an axis in [−rank, rank) to [0, rank).</summary>
    /// <exception cref="ShapeException">The axis does not exist.</exception>
    public int Axis(int axis, string op)
    {
        var rank = Math.Max(Length, 1);
        if (axis < -rank || axis >= rank)
        {
            throw new ShapeException($"{op}: axis {axis} does not exist in {this}; give one in [{-rank}, {rank - 1}]");
        }

        return axis < 0 ? axis + rank : axis;
    }

    /// <summary>NumPy broadcasting of two shapes, aligned at the last axis.</summary>
    /// <exception cref="ShapeException">Two sizes differ and neither is 1.</exception>
    public static Shape Broadcast(Shape a, Shape b, string op)
    {
        var rank = Math.Max(a.Length, b.Length);
        var sizes = new int[rank];
        for (var i = 1; i <= rank; i++)
        {
            var p = i <= a.Length ? a[a.Length - i] : 1;
            var q = i <= b.Length ? b[b.Length - i] : 1;
            if (p != q && p != 1 && q != 1) { throw new ShapeException($"{op}: {a} and {b} do not broadcast: axis -{i} is {p} and {q}"); }
            sizes[rank - i] = p == 1 ? q : p;
        }

        return new Shape(sizes);
    }

    /// <summary>Row-major strides in elements.</summary>
    public long[] Strides()
    {
        var strides = new long[Length];
        long step = 1;
        for (var i = Length - 1; i >= 0; i--)
        {
            strides[i] = step;
            step *= Math.Max(this[i], 1);
        }

        return strides;
    }

    /// <inheritdoc/>
    public bool Equals(Shape other) => AsSpan().SequenceEqual(other.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var size in AsSpan()) { hash.Add(size); }
        return hash.ToHashCode();
    }

    /// <summary>Equal sizes.</summary>
    public static bool operator ==(Shape a, Shape b) => a.Equals(b);

    /// <summary>Different sizes.</summary>
    public static bool operator !=(Shape a, Shape b) => !a.Equals(b);

    /// <summary>A shape from an array of sizes.</summary>
    public static implicit operator Shape(int[] sizes) => Create(sizes);

    /// <summary>The sizes, where an op takes sizes.</summary>
    public static implicit operator ReadOnlySpan<int>(Shape shape) => shape.AsSpan();

    /// <inheritdoc/>
    public override string ToString() => $"[{string.Join(", ", AsSpan().ToArray())}]";

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => (_sizes ?? []).AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
