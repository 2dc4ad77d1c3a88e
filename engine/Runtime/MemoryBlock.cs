using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace FlorenceKernels.Runtime;

/// <summary>A piece of memory from the system: a host address or a device buffer.</summary>
internal class MemoryBlock(long size, nint pointer, MemoryBuffer1D<byte, Stride1D.Dense>? buffer)
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

/// <summary>Buffers of an ILGPU accelerator; the driver aligns them to 256 bytes. Live blocks are rooted here: a forgotten storage and its
/// buffer become unreachable together, and ILGPU's finalizer would free the buffer before the storage's hands it back for reuse.</summary>
internal sealed class AcceleratorBlocks(string device, Accelerator accelerator) : IBlockSource
{
    private readonly HashSet<MemoryBlock> _live = [];

    public MemoryBlock Allocate(long bytes)
    {
        try
        {
            var block = new MemoryBlock(bytes, 0, accelerator.Allocate1D<byte>(bytes));
            _live.Add(block);
            return block;
        }
        catch (Exception e) when (DriverErrors.IsOutOfMemory(e))
        {
            throw new InsufficientMemoryException(DriverErrors.Text(e), e);
        }
        catch (Exception e) when (DriverErrors.IsDriver(e))
        {
            throw DriverErrors.Explain(device, $"allocating {bytes:N0} bytes", null, e);
        }
    }

    public void Free(MemoryBlock block)
    {
        _live.Remove(block);
        block.Buffer!.Dispose();
    }
}
