using System;

namespace FlorenceKernels.Runtime;

/// <summary>Element types of tensors. Floating ops run on <see cref="F32"/> and <see cref="F64"/>; <see cref="BF16"/> and
/// <see cref="F16"/> are storage types that are cast before computing.</summary>
public enum DType
{
    /// <summary>IEEE 754 binary32.</summary>
    F32,

    /// <summary>IEEE 754 binary64; exists so that the engine's own backward can be gradient-checked.</summary>
    F64,

    /// <summary>bfloat16: the upper half of a binary32.</summary>
    BF16,

    /// <summary>IEEE 754 binary16.</summary>
    F16,

    /// <summary>32-bit signed integer: token ids and indices.</summary>
    I32,

    /// <summary>64-bit signed integer: labels.</summary>
    I64,

    /// <summary>Unsigned byte: image data.</summary>
    U8,

    /// <summary>One byte, 0 or 1: masks.</summary>
    Bool,
}

/// <summary>Facts about element types.</summary>
public static class DTypes
{
    /// <summary>Bytes per element.</summary>
    public static int Size(this DType type) => type switch
    {
        DType.F64 or DType.I64 => 8,
        DType.F32 or DType.I32 => 4,
        DType.BF16 or DType.F16 => 2,
        _ => 1,
    };

    /// <summary>True for the four floating types, the only ones that can carry a gradient.</summary>
    public static bool IsFloat(this DType type) => type is DType.F32 or DType.F64 or DType.BF16 or DType.F16;

    /// <summary>The short lower-case name used in messages and test rows: <c>f32</c>, <c>bool</c>.</summary>
    public static string Name(this DType type) => type switch
    {
        DType.F32 => "f32",
        DType.F64 => "f64",
        DType.BF16 => "bf16",
        DType.F16 => "f16",
        DType.I32 => "i32",
        DType.I64 => "i64",
        DType.U8 => "u8",
        _ => "bool",
    };

    /// <summary>The element type that stores a C# type.</summary>
    /// <exception cref="DTypeException">No element type stores <typeparamref name="T"/>.</exception>
    public static DType Of<T>() where T : unmanaged
    {
        if (typeof(T) == typeof(float)) { return DType.F32; }
        if (typeof(T) == typeof(double)) { return DType.F64; }
        if (typeof(T) == typeof(int)) { return DType.I32; }
        if (typeof(T) == typeof(long)) { return DType.I64; }
        if (typeof(T) == typeof(byte)) { return DType.U8; }
        if (typeof(T) == typeof(bool)) { return DType.Bool; }
        if (typeof(T) == typeof(BFloat16)) { return DType.BF16; }
        if (typeof(T) == typeof(Half)) { return DType.F16; }
        throw new DTypeException($"no element type stores {typeof(T).Name}; use float, double, int, long, byte, bool, Half or BFloat16");
    }
}
