using System;

namespace FlorenceKernels.Tensors;

/// <summary>Working memory of one CPU task, cut into 64-byte-aligned pieces from a block that its thread keeps between
/// tasks.</summary>
internal unsafe struct CpuScratch
{
    private const int Alignment = 64;

    // Reads of a transposed operand run up to six elements past the last row; the slack keeps them inside the block.
    private const int Slack = 256;

    [ThreadStatic] private static byte[]? t_block;
    private byte* _next;
    private readonly byte* _end;

    /// <summary>Memory for <paramref name="bytes"/> bytes in at most <paramref name="pieces"/> pieces; valid until the thread
    /// begins again.</summary>
    public CpuScratch(long bytes, int pieces)
    {
        var size = checked(bytes + (pieces + 1L) * (Alignment + Slack));
        if (t_block is null || t_block.LongLength < size)
        {
            t_block = GC.AllocateUninitializedArray<byte>(checked((int)size), pinned: true);
        }
        fixed (byte* start = t_block)
        {
            _next = (byte*)(((nint)start + Alignment - 1) & -Alignment);
            _end = start + t_block.LongLength;
        }
    }

    /// <summary>The next piece of <paramref name="count"/> elements.</summary>
    public T* Take<T>(long count) where T : unmanaged
    {
        var piece = _next;
        _next = (byte*)(((nint)piece + count * sizeof(T) + Slack + Alignment - 1) & -Alignment);
        if (piece + count * sizeof(T) > _end)
        {
            throw new InvalidOperationException("attention: the scratch was planned too small");
        }
        return (T*)piece;
    }
}
