using System;
using System.Collections.Generic;

namespace FlorenceKernels.Runtime;

/// <summary>A host block between two bands of 0xFF. The block itself is filled with it too: as floats that is NaN, so that
/// reading what was never written, or past an end, shows in a result, and as indices it is −1.</summary>
internal sealed unsafe class GuardedBlock : MemoryBlock
{
    /// <summary>Bytes of each band; a multiple of every alignment kernels ask for.</summary>
    public const int Band = 4096;

    private const byte Pattern = 0xFF;
    private readonly long _bytes;

    public GuardedBlock(MemoryBlock inner, long bytes) : base(inner.Size, inner.Pointer + Band, null)
    {
        (Inner, _bytes) = (inner, bytes);
        for (var at = 0L; at < inner.Size; at += 1 << 30) { Part(at, Math.Min(1 << 30, inner.Size - at)).Fill(Pattern); }
    }

    /// <summary>The block with its bands.</summary>
    public MemoryBlock Inner { get; }

    /// <summary>What was written outside, as a sentence; null when nothing was.</summary>
    public string? Damage()
    {
        long before = Part(0, Band).LastIndexOfAnyExcept(Pattern);
        long after = Part(Band + _bytes, Inner.Size - Band - _bytes).IndexOfAnyExcept(Pattern);
        long? at = after >= 0 ? _bytes + after : before >= 0 ? before - Band : null;
        return at is null ? null : $"a kernel wrote outside a block of {_bytes} bytes, at byte {at}";
    }

    private Span<byte> Part(long from, long count) => new((byte*)Inner.Pointer + from, checked((int)count));
}

/// <summary>A test mode of an allocator of host memory: while it is on, every block lies between guard bands, which are looked at
/// when the block comes back and, for those still held, at the end. All is called under the allocator's lock.</summary>
internal sealed class GuardBands
{
    private readonly HashSet<GuardedBlock> _live = [];
    private string? _fault;

    /// <summary>Bytes to ask the system for.</summary>
    public static long Padded(long size) => size + 2 * GuardedBlock.Band;

    /// <summary>The part of a block between its bands.</summary>
    public GuardedBlock Wrap(MemoryBlock inner, long bytes)
    {
        var block = new GuardedBlock(inner, bytes);
        _live.Add(block);
        return block;
    }

    /// <summary>Looks at a block that comes back.</summary>
    public void Unwrap(GuardedBlock block)
    {
        if (_live.Remove(block)) { _fault ??= block.Damage(); }
    }

    /// <summary>The first damage found; null when there is none.</summary>
    public string? Fault()
    {
        foreach (var block in _live) { _fault ??= block.Damage(); }
        return _fault;
    }
}
