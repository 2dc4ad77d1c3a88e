using System;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Argument checks shared by the ops; each throws one sentence that names the op, the argument and its shape.</summary>
public static class Check
{
    /// <summary>All tensors lie on one device and have one floating element type the engine computes in.</summary>
    public static void SameFloat(string op, params ReadOnlySpan<Tensor> tensors)
    {
        var first = tensors[0];
        if (first.DType is not (DType.F32 or DType.F64))
        {
            throw new DTypeException($"{op}: {first.DType.Name()} is not computed in; cast with To(DType.F32)");
        }

        foreach (var t in tensors)
        {
            if (t.DType != first.DType) { throw new DTypeException($"{op}: element types differ: {first.DType.Name()} and {t.DType.Name()}"); }
            OnDevice(op, first, t);
        }
    }

    /// <summary>Two tensors lie on one device.</summary>
    public static void OnDevice(string op, Tensor a, Tensor b)
    {
        if (!ReferenceEquals(a.Device, b.Device)) { throw new DeviceException($"{op}: tensors lie on {a.Device} and {b.Device}; move one with To(device)"); }
    }

    /// <summary>A tensor has exactly this shape.</summary>
    public static void HasShape(string op, string name, Tensor t, Shape expected)
    {
        if (t.Shape != expected) { throw new ShapeException($"{op}: {name} is {t.Shape}, expected {expected}"); }
    }

    /// <summary>A tensor has this many axes.</summary>
    public static void HasRank(string op, string name, Tensor t, int rank, string axes)
    {
        if (t.Rank != rank) { throw new ShapeException($"{op}: {name} is {t.Shape}, expected {axes}"); }
    }

    /// <summary>A tensor holds integers.</summary>
    public static void IsInteger(string op, string name, Tensor t)
    {
        if (t.DType is not (DType.I64 or DType.I32)) { throw new DTypeException($"{op}: {name} is {t.DType.Name()}, expected integers (i64)"); }
    }

    internal static void StoredAs<T>(Tensor t) where T : unmanaged
    {
        var same = t.DType == DTypes.Of<T>() || (typeof(T) == typeof(byte) && t.DType == DType.Bool);
        if (!same) { throw new DTypeException($"this tensor is {t.DType.Name()}, not {DTypes.Of<T>().Name()}; cast with To(...)"); }
    }

    /// <summary>Fails with a <see cref="ShapeException"/> when a condition does not hold.</summary>
    public static void That(bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] ref ShapeMessage message)
    {
        if (!condition) { throw new ShapeException(message.Text); }
    }
}

/// <summary>Builds the message of <see cref="Check.That"/> only when it is needed.</summary>
[InterpolatedStringHandler]
public ref struct ShapeMessage
{
    private DefaultInterpolatedStringHandler _text;

    /// <summary>Starts a message unless the condition holds.</summary>
    public ShapeMessage(int literalLength, int formattedCount, bool condition, out bool needed)
    {
        needed = !condition;
        _text = needed ? new DefaultInterpolatedStringHandler(literalLength, formattedCount) : default;
    }

    internal string Text => _text.ToStringAndClear();

    /// <summary>Adds text.</summary>
    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    /// <summary>Adds a value.</summary>
    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);
}
