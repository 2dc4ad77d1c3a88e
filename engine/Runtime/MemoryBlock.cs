using System;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace FlorenceKernels.Runtime;

/// <summary>A piece of memory from the system: a host address or a device buffer.</summary>
internal sealed class MemoryBlock(long size, nint pointer, MemoryBuffer1D<byte, Stride1D.Dense>? buffer)
{
    public long Size => size;

    public nint Pointer => pointer;

    public MemoryBuffer1D<byte, Stride1D.Dense>? Buffer => buffer;

    public ArrayView<byte> View => buffer!.View;
}

/// <summary>Where blocks come from.</summary>
internal interface IBlockSource
{
    MemoryBlock Allocate(long bytes);

    void Free(MemoryBlock block);
}

/// <summary>Host memory on 64-byte boundaries (2 MiB and huge pages for large blocks).</summary>
internal sealed unsafe class HostBlocks : IBlockSource
{
    private const long Large = 4 << 20;

    public MemoryBlock Allocate(long bytes)
    {
        var large = bytes >= Large;
        var pointer = (nint)NativeMemory.AlignedAlloc((nuint)bytes, large ? 2u << 20 : 64u);
        if (large) { LinuxMemory.PreferHugePages(pointer, bytes); }
        GC.AddMemoryPressure(bytes);
        return new MemoryBlock(bytes, pointer, null);
    }

    public void Free(MemoryBlock block)
    {
        NativeMemory.AlignedFree((void*)block.Pointer);
        GC.RemoveMemoryPressure(block.Size);
    }
}

/// <summary>Buffers of an ILGPU accelerator; the driver aligns them to 256 bytes.</summary>
internal sealed class AcceleratorBlocks(Accelerator accelerator) : IBlockSource
{
    public MemoryBlock Allocate(long bytes) => new(bytes, 0, accelerator.Allocate1D<byte>(bytes));

    public void Free(MemoryBlock block) => block.Buffer!.Dispose();
}
