using System;
using System.Runtime.CompilerServices;
using System.Text;

namespace FlorenceKernels.Checkpoints;

/// <summary>Element types of a safetensors file that this library reads and writes; the names are the format's own.</summary>
public enum SafeTensorsDType
{
    /// <summary>IEEE 754 binary64.</summary>
    F64,

    /// <summary>IEEE 754 binary32.</summary>
    F32,

    /// <summary>IEEE 754 binary16.</summary>
    F16,

    /// <summary>The upper half of a binary32.</summary>
    BF16,

    /// <summary>64-bit two's complement.</summary>
    I64,

    /// <summary>32-bit two's complement.</summary>
    I32,

    /// <summary>16-bit two's complement.</summary>
    I16,

    /// <summary>8-bit two's complement.</summary>
    I8,

    /// <summary>8-bit unsigned.</summary>
    U8,

    /// <summary>One byte, 0 or 1.</summary>
    BOOL,
}

/// <summary>Facts about <see cref="SafeTensorsDType"/>.</summary>
internal static class SafeTensorsDTypes
{
    private static readonly (byte[] Text, SafeTensorsDType DType)[] Names =
        Array.ConvertAll(Enum.GetValues<SafeTensorsDType>(), dtype => (Encoding.ASCII.GetBytes(dtype.ToString()), dtype));

    public static int ByteSize(this SafeTensorsDType dtype) => dtype switch
    {
        SafeTensorsDType.F64 or SafeTensorsDType.I64 => 8,
        SafeTensorsDType.F32 or SafeTensorsDType.I32 => 4,
        SafeTensorsDType.F16 or SafeTensorsDType.BF16 or SafeTensorsDType.I16 => 2,
        SafeTensorsDType.I8 or SafeTensorsDType.U8 or SafeTensorsDType.BOOL => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Not a safetensors element type."),
    };

    public static bool TryParse(ReadOnlySpan<byte> name, out SafeTensorsDType dtype)
    {
        dtype = default;
        foreach ((byte[] text, SafeTensorsDType candidate) in Names)
        {
            if (!name.SequenceEqual(text)) continue;
            dtype = candidate;
            return true;
        }
        return false;
    }

    /// <summary>Whether elements may be viewed as <typeparamref name="T"/> without changing their meaning.</summary>
    public static bool IsViewableAs<T>(this SafeTensorsDType dtype) where T : unmanaged => dtype switch
    {
        SafeTensorsDType.F64 => typeof(T) == typeof(double),
        SafeTensorsDType.F32 => typeof(T) == typeof(float),
        SafeTensorsDType.F16 => typeof(T) == typeof(Half),
        SafeTensorsDType.I64 => typeof(T) == typeof(long),
        SafeTensorsDType.I32 => typeof(T) == typeof(int),
        SafeTensorsDType.I16 => typeof(T) == typeof(short),
        SafeTensorsDType.I8 => typeof(T) == typeof(sbyte),
        SafeTensorsDType.U8 => typeof(T) == typeof(byte),
        // A byte other than 0 and 1 in a C# bool breaks comparisons, so masks stay bytes.
        SafeTensorsDType.BOOL => typeof(T) == typeof(byte),
        // No primitive type is a bfloat16: raw bits, or the caller's own 2-byte struct.
        SafeTensorsDType.BF16 => typeof(T) == typeof(ushort)
            || (Unsafe.SizeOf<T>() == 2 && !typeof(T).IsPrimitive && typeof(T) != typeof(Half)),
        _ => false,
    };
}
