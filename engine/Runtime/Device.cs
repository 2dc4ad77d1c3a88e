using System;
using System.Collections.Concurrent;

namespace FlorenceKernels.Runtime;

/// <summary>Where tensors live and kernels run: <c>cpu</c> (C# SIMD), <c>cuda:N</c> and <c>opencl:N</c> (kernels compiled by ILGPU), or
/// <c>simulator</c> (the same kernels on ILGPU's CPU accelerator, for debugging). Nothing falls back silently from one to another.</summary>
public abstract class Device
{
    private static readonly ConcurrentDictionary<string, Lazy<Device>> Opened = new();

    private protected Device(string name, IBlockSource blocks)
    {
        Name = name;
        Allocator = new CachingAllocator(blocks);
    }

    /// <summary>The host CPU.</summary>
    public static Device Cpu { get; } = new CpuDevice();

    /// <summary>The device string, for example <c>cuda:0</c>.</summary>
    public string Name { get; }

    /// <summary>What the hardware calls itself.</summary>
    public abstract string Description { get; }

    /// <summary>True for the host.</summary>
    public bool IsCpu => this is CpuDevice;

    /// <summary>This device's memory.</summary>
    public CachingAllocator Allocator { get; }

    /// <summary>Launches, host synchronisations and copies so far.</summary>
    public DeviceCounters Counters { get; } = new();

    /// <summary>Opens a device by its string: <c>cpu</c>, <c>cuda[:N]</c>, <c>opencl[:N]</c>, <c>simulator</c>, or <c>auto</c> (first CUDA
    /// device, else first OpenCL GPU, else <c>cpu</c>). Opening the same string twice gives the same object.</summary>
    /// <exception cref="DeviceException">The string is unknown, or the device is not usable; the message says why.</exception>
    public static Device Open(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var key = name.Trim().ToLowerInvariant();
        if (key == "cpu") { return Cpu; }
        if (key == "auto") { return Open(GpuContext.BestDevice()); }
        if (key is "cuda" or "opencl") { key += ":0"; }
        try { return Opened.GetOrAdd(key, static k => new Lazy<Device>(() => GpuContext.Open(k))).Value; }
        catch (DeviceException) { Opened.TryRemove(key, out _); throw; }
    }

    /// <summary>A storage of at least <paramref name="bytes"/> bytes, not cleared.</summary>
    public Storage Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        return new Storage(this, Allocator.Take(bytes), bytes);
    }

    /// <summary>Waits until everything launched so far is done.</summary>
    public abstract void Synchronize();

    /// <summary>Copies from the host; returns when the source may be reused.</summary>
    public abstract void CopyFromHost(Storage target, long offset, ReadOnlySpan<byte> source);

    /// <summary>Copies to the host; returns when the bytes are there.</summary>
    public abstract void CopyToHost(Storage source, long offset, Span<byte> target);

    /// <summary>Sets bytes to zero.</summary>
    public abstract void Clear(Storage target, long offset, long bytes);

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>Exact counts of what a device was asked to do; kept as baselines, since counts do not depend on the machine.</summary>
public sealed class DeviceCounters
{
    /// <summary>Kernels started.</summary>
    public long Launches { get; internal set; }

    /// <summary>Times the host waited for the device.</summary>
    public long HostSyncs { get; internal set; }

    /// <summary>Counts one kernel.</summary>
    public void Launched() => Launches++;
}

/// <summary>The host: kernels are C# over pointers, vectorised and threaded.</summary>
internal sealed unsafe class CpuDevice() : Device("cpu", new HostBlocks())
{
    public override string Description => $"{Environment.ProcessorCount} hardware threads, {SimdLevels.Current}";

    public override void Synchronize() { }

    // A storage whose address was read is dead to the collector, which must not give the memory away during the copy.
    public override void CopyFromHost(Storage target, long offset, ReadOnlySpan<byte> source)
    {
        source.CopyTo(new Span<byte>((byte*)target.Pointer + offset, source.Length));
        GC.KeepAlive(target);
    }

    public override void CopyToHost(Storage source, long offset, Span<byte> target)
    {
        new ReadOnlySpan<byte>((byte*)source.Pointer + offset, target.Length).CopyTo(target);
        GC.KeepAlive(source);
    }

    public override void Clear(Storage target, long offset, long bytes)
    {
        System.Runtime.InteropServices.NativeMemory.Clear((byte*)target.Pointer + offset, (nuint)bytes);
        GC.KeepAlive(target);
    }
}
