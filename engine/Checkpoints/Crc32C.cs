using System;
using System.Buffers.Binary;
using System.Numerics;

namespace FlorenceKernels.Checkpoints;

/// <summary>CRC-32C (Castagnoli, RFC 3720 §12.1, reflected polynomial 0x82F63B78), on the processor's own instruction where it
/// has one.</summary>
public static class Crc32C
{
    /// <summary>Checksum of <paramref name="bytes"/>.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <summary>Checksum of (what gave <paramref name="crc"/>) followed by <paramref name="bytes"/>; start with 0.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        uint state = ~crc;
        while (bytes.Length >= 32)
        {
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]));
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]));
            bytes = bytes[32..];
        }
        foreach (byte value in bytes) state = BitOperations.Crc32C(state, value);
        return ~state;
    }
}
