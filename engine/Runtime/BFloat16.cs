using System;

namespace FlorenceKernels.Runtime;

/// <summary>bfloat16 as a storage type: the upper 16 bits of a binary32, rounded to nearest even.</summary>
public readonly record struct BFloat16(ushort Bits)
{
    /// <summary>Rounds to the nearest bfloat16, ties to even; NaN stays NaN.</summary>
    public static explicit operator BFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value)) { return new BFloat16((ushort)((bits >> 16) | 0x40)); }
        return new BFloat16((ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16));
    }

    /// <summary>Widens exactly.</summary>
    public static implicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value.Bits << 16);
}
