using System;
using System.Runtime.InteropServices;

namespace FlorenceKernels.Tensors;

/// <summary>A thread's packing memory: 64-byte aligned, grown on demand and kept, so that the steady state allocates
/// nothing.</summary>
internal sealed unsafe class GemmScratch
{
    private const int Alignment = 64;

    [ThreadStatic] private static GemmScratch? t_blocks;
    [ThreadStatic] private static GemmScratch? t_partials;

    private byte* _memory;
    private nuint _bytes;

    ~GemmScratch() => NativeMemory.AlignedFree(_memory);

    /// <summary>Packed blocks of A and B and the edge tile of the task that this thread runs.</summary>
    public static byte* Blocks(nuint bytes) => (t_blocks ??= new GemmScratch()).Ensure(bytes);

    /// <summary>Partial products of a region that this thread opened: its tasks use <see cref="Blocks"/> at the same
    /// time.</summary>
    public static byte* Partials(nuint bytes) => (t_partials ??= new GemmScratch()).Ensure(bytes);

    private byte* Ensure(nuint bytes)
    {
        if (bytes > _bytes)
        {
            NativeMemory.AlignedFree(_memory);
            _memory = null; // an exception below must leave nothing to free twice
            _bytes = 0;
            _memory = (byte*)NativeMemory.AlignedAlloc(bytes, Alignment);
            _bytes = bytes;
        }
        return _memory;
    }
}
