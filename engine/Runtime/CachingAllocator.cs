using System;
using System.Collections.Generic;
using System.Threading;

namespace FlorenceKernels.Runtime;

/// <summary>A device's memory in use, for reports and tests.</summary>
/// <param name="InUse">Bytes in live storages.</param> <param name="Peak">Largest <paramref name="InUse"/> since the last reset.</param>
/// <param name="Reserved">Bytes taken from the system, including free blocks kept for reuse.</param>
/// <param name="SystemAllocations">How often the system was asked; constant in steady-state training.</param>
/// <param name="Allocations">How many storages were handed out.</param>
public readonly record struct MemoryStatistics(long InUse, long Peak, long Reserved, long SystemAllocations, long Allocations);

/// <summary>Keeps freed blocks and hands them out again: fresh pages are what makes large outputs slow on a CPU, and freeing synchronises
/// a GPU. Sizes are rounded so that blocks of nearly equal size share; a request takes the smallest free block that wastes at most a quarter.</summary>
public sealed class CachingAllocator
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, Stack<MemoryBlock>> _free = [];
    private readonly IBlockSource _source;
    private GuardBands? _guards;
    private long _inUse, _peak, _reserved, _systemAllocations, _allocations;

    internal CachingAllocator(IBlockSource source) => _source = source;

    /// <summary>Figures of this moment.</summary>
    public MemoryStatistics Statistics
    {
        get { lock (_lock) { return new(_inUse, _peak, _reserved, _systemAllocations, _allocations); } }
    }

    /// <summary>Starts a new peak measurement from what is in use now.</summary>
    public void ResetPeak() { lock (_lock) { _peak = _inUse; } }

    /// <summary>Returns all free blocks to the system.</summary>
    public void EmptyCache()
    {
        lock (_lock)
        {
            foreach (var stack in _free.Values)
            {
                foreach (var block in stack)
                {
                    _reserved -= block.Size;
                    _source.Free(block);
                }
            }

            _free.Clear();
        }
    }

    // Blocks are taken and freed under the lock only, so a source needs none of its own.
    internal MemoryBlock Take(long bytes)
    {
        var size = RoundUp(bytes);
        lock (_lock)
        {
            _allocations++;
            var whole = _guards is null ? size : GuardBands.Padded(size);
            var block = TakeFree(whole) ?? Fresh(whole);
            _inUse += block.Size;
            _peak = Math.Max(_peak, _inUse);
            return _guards?.Wrap(block, bytes) ?? block;
        }
    }

    internal void Return(MemoryBlock block)
    {
        lock (_lock)
        {
            if (block is GuardedBlock guarded)
            {
                _guards?.Unwrap(guarded);
                block = guarded.Inner;
            }

            _inUse -= block.Size;
            if (!_free.TryGetValue(block.Size, out var stack)) { _free[block.Size] = stack = new Stack<MemoryBlock>(); }
            stack.Push(block);
        }
    }

    /// <summary>Runs <paramref name="body"/> with guard bands around every block handed out, and says what was written outside
    /// one; null when nothing was. Host memory only: the bands are read and written directly.</summary>
    internal string? Guard(Action body)
    {
        var guards = new GuardBands();
        lock (_lock) { _guards = _guards is null ? guards : throw new InvalidOperationException("guard bands are on already"); }
        try
        {
            body();
            lock (_lock) { return guards.Fault(); }
        }
        finally
        {
            lock (_lock) { _guards = null; }
        }
    }

    private MemoryBlock? TakeFree(long size)
    {
        if (_free.TryGetValue(size, out var exact) && exact.Count > 0) { return exact.Pop(); }
        foreach (var (candidate, stack) in _free)
        {
            if (candidate > size + size / 4) { break; }
            if (candidate >= size && stack.Count > 0) { return stack.Pop(); }
        }

        return null;
    }

    private MemoryBlock Fresh(long size)
    {
        try
        {
            return Count(_source.Allocate(size));
        }
        catch (OutOfMemoryException)
        {
            EmptyCache();
            try { return Count(_source.Allocate(size)); }
            catch (OutOfMemoryException again)
            {
                throw new OutOfDeviceMemoryException(
                    $"out of memory: asked for {size:N0} bytes with {_inUse:N0} in use and a peak of {_peak:N0}; use a smaller batch or size", again);
            }
        }
    }

    private MemoryBlock Count(MemoryBlock block)
    {
        _systemAllocations++;
        _reserved += block.Size;
        return block;
    }

    // Eight steps per power of two: at most 12.5 % lost, and few distinct sizes.
    private static long RoundUp(long bytes)
    {
        if (bytes <= 256) { return 256; }
        var step = Math.Max(256, 1L << Math.Max(0, 63 - System.Numerics.BitOperations.LeadingZeroCount((ulong)bytes) - 3));
        return checked((bytes + step - 1) / step * step);
    }
}
