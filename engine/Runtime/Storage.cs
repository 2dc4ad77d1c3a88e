using System;
using System.Threading;
using ILGPU;

namespace FlorenceKernels.Runtime;

/// <summary>The one owner of a piece of device memory, shared by all views of it. Counted: the last <see cref="Release"/> gives the block
/// back to the device's caching allocator. A storage that is simply forgotten is returned by its finalizer.</summary>
public sealed class Storage
{
    private MemoryBlock? _block;
    private int _references = 1;
    private int _version;

    internal Storage(Device device, MemoryBlock block, long bytes)
    {
        Device = device;
        _block = block;
        Bytes = bytes;
    }

    /// <summary>Where the memory lies.</summary>
    public Device Device { get; }

    /// <summary>Bytes asked for; the block may be larger.</summary>
    public long Bytes { get; }

    /// <summary>Counts in-place changes, so that a saved tensor that changed before its backward is found out.</summary>
    public int Version => _version;

    /// <summary>How many tensors and graph nodes hold this memory.</summary>
    public int References => _references;

    /// <summary>Host address.</summary>
    /// <exception cref="ObjectDisposedException">The memory was given back.</exception>
    public nint Pointer => Block.Pointer;

    /// <summary>Device view of the whole block.</summary>
    public ArrayView<byte> View => Block.View;

    private MemoryBlock Block => _block ?? throw new ObjectDisposedException(nameof(Storage),
        "this tensor's memory was given back when its scope ended; use scope.Keep(tensor) to let it outlive the scope");

    /// <summary>One more holder.</summary>
    public void Retain()
    {
        _ = Block;
        Interlocked.Increment(ref _references);
    }

    /// <summary>One holder less; the last one frees the block.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            GC.SuppressFinalize(this);
            Free();
        }
    }

    /// <summary>Records an in-place change.</summary>
    public void MarkChanged() => _version++;

    private void Free()
    {
        if (Interlocked.Exchange(ref _block, null) is { } block) { Device.Allocator.Return(block); }
    }

    /// <summary>Safety net for storages whose tensors were dropped without a scope.</summary>
    ~Storage() => Free();
}
