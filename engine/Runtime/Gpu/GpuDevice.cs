using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using System.Reflection;
using System.Threading;
using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;

namespace FlorenceKernels.Runtime;

/// <summary>An ILGPU accelerator and its one in-order queue of kernels.</summary>
public sealed class GpuDevice : Device
{
    private readonly Accelerator _accelerator;
    private readonly Lock _queue = new();
    private readonly Dictionary<MethodInfo, Delegate> _launchers = [];
    private MethodInfo? _last;
    private volatile MatMulPrecision _matMulPrecision;

    internal GpuDevice(string name, Accelerator accelerator) : base(name, new AcceleratorBlocks(name, accelerator))
    {
        _accelerator = accelerator;
        // Simulated lanes are OS threads; a real group wants enough warps to hide latency. Reduction trees need a power of two.
        var largest = accelerator is CPUAccelerator ? accelerator.MaxNumThreadsPerGroup : Math.Min(128, accelerator.MaxNumThreadsPerGroup);
        GroupSize = 1 << BitOperations.Log2((uint)largest);
        MaxGroups = accelerator switch { CPUAccelerator => 2, CudaAccelerator => 2048, _ => 64 };
    }

    /// <inheritdoc/>
    public override string Description => _accelerator.Name;

    /// <summary>Threads per group of one-dimensional and reduction kernels: a power of two.</summary>
    public int GroupSize { get; }

    /// <summary>Most threads that a group may have: 16 on the simulator.</summary>
    public int MaxGroupSize => _accelerator.MaxNumThreadsPerGroup;

    /// <summary>Groups beyond which grid-stride kernels loop instead.</summary>
    public int MaxGroups { get; }

    /// <summary>True when kernels may use inline PTX (tensor cores, asynchronous copies).</summary>
    public bool IsCuda => _accelerator is CudaAccelerator;

    /// <summary>True when the device has matrix units for TF32 and BF16: CUDA, compute capability 8.0.</summary>
    public bool HasMatrixUnits => _accelerator is CudaAccelerator { Architecture.Major: >= 8 };

    /// <summary>How products of f32 matrices are computed from now on, forward and backward; <see cref="MatMulPrecision.Highest"/> unless set.
    /// Any thread may set it: each product reads it once.</summary>
    /// <exception cref="DeviceException">The device has no matrix units.</exception>
    public MatMulPrecision Float32MatMulPrecision
    {
        get => _matMulPrecision;
        set => _matMulPrecision = value == MatMulPrecision.Highest || HasMatrixUnits ? value
            : throw new DeviceException($"{Name}: {value} needs matrix units, which CUDA devices of compute capability 8.0 and later have; leave Highest");
    }

    /// <summary>The accelerator, for the few places that need ILGPU itself.</summary>
    public Accelerator Accelerator => _accelerator;

    /// <summary>PTX of the kernels started so far; none unless this is a CUDA device.</summary>
    public IReadOnlyList<string> LoadedPtx()
    {
        lock (_queue)
        {
            return [.. _launchers.Values.Select(launcher => launcher.GetCompiledKernel()).OfType<PTXCompiledKernel>().Select(k => k.PTXAssembly)];
        }
    }

    /// <summary>Starts a grid-stride kernel over <paramref name="count"/> elements.</summary>
    public void LaunchElements<TArgs>(Action<TArgs> kernel, long count, in TArgs args) where TArgs : struct
    {
        if (count == 0) { return; }
        Launch(kernel, (int)Math.Min(MaxGroups, (count + GroupSize - 1) / GroupSize), GroupSize, args);
    }

    /// <summary>Starts a kernel with one group per work item (row, window, tile); the kernel strides over groups when there are more items
    /// than <see cref="MaxGroups"/>.</summary>
    public void LaunchGroups<TArgs>(Action<TArgs> kernel, long items, in TArgs args) where TArgs : struct
    {
        if (items == 0) { return; }
        Launch(kernel, (int)Math.Min(MaxGroups, items), GroupSize, args);
    }

    /// <summary>Starts an explicitly grouped kernel: a static method over one argument struct.</summary>
    public void Launch<TArgs>(Action<TArgs> kernel, int groups, int threads, in TArgs args) where TArgs : struct
    {
        try
        {
            // Arguments are set on the kernel, then it is queued: two threads must not interleave there.
            lock (_queue) { Launcher(kernel)(new KernelConfig(groups, threads), args); }
        }
        catch (Exception e) when (DriverErrors.IsDriver(e))
        {
            throw DriverErrors.Explain(Name, $"starting kernel {Title(kernel.Method)}", LastKernel, e);
        }

        _last = kernel.Method;
        Counters.Launched();
    }

    /// <inheritdoc/>
    public override void Synchronize()
    {
        try { _accelerator.Synchronize(); }
        catch (Exception e) when (DriverErrors.IsDriver(e)) { throw DriverErrors.Explain(Name, "waiting for the device", LastKernel, e); }

        Counters.HostSyncs++;
    }

    /// <inheritdoc/>
    public override unsafe void CopyFromHost(Storage target, long offset, ReadOnlySpan<byte> source)
    {
        if (source.IsEmpty) { return; }
        var view = target.View;
        try
        {
            // ILGPU keeps a bare address of the array for as long as the copy takes; the collector must not move it.
            fixed (byte* pinned = source) { view.SubView(offset, source.Length).CopyFromCPU(ref *pinned, source.Length); }
        }
        catch (Exception e) when (DriverErrors.IsDriver(e))
        {
            throw DriverErrors.Explain(Name, $"copying {source.Length:N0} bytes from the host", LastKernel, e);
        }

        GC.KeepAlive(target);
        Counters.HostSyncs++;
    }

    /// <inheritdoc/>
    public override unsafe void CopyToHost(Storage source, long offset, Span<byte> target)
    {
        if (target.IsEmpty) { return; }
        var view = source.View;
        try
        {
            fixed (byte* pinned = target) { view.SubView(offset, target.Length).CopyToCPU(ref *pinned, target.Length); }
        }
        catch (Exception e) when (DriverErrors.IsDriver(e))
        {
            throw DriverErrors.Explain(Name, $"copying {target.Length:N0} bytes to the host", LastKernel, e);
        }

        GC.KeepAlive(source);
        Counters.HostSyncs++;
    }

    /// <inheritdoc/>
    public override void Clear(Storage target, long offset, long bytes)
    {
        if (bytes <= 0) { return; }
        var view = target.View;
        try { view.SubView(offset, bytes).MemSetToZero(); }
        catch (Exception e) when (DriverErrors.IsDriver(e)) { throw DriverErrors.Explain(Name, $"clearing {bytes:N0} bytes", LastKernel, e); }

        GC.KeepAlive(target);
    }

    private string? LastKernel => _last is null ? null : Title(_last);

    private static string Title(MethodInfo kernel)
    {
        var types = kernel.IsGenericMethod ? $"<{string.Join(", ", Array.ConvertAll(kernel.GetGenericArguments(), t => t.Name))}>" : "";
        return $"{kernel.DeclaringType?.Name}.{kernel.Name}{types}";
    }

    // ILGPU holds compiled kernels weakly; these delegates keep them.
    private Action<KernelConfig, TArgs> Launcher<TArgs>(Action<TArgs> kernel) where TArgs : struct
    {
        if (!_launchers.TryGetValue(kernel.Method, out var launcher))
        {
            _launchers[kernel.Method] = launcher = _accelerator.LoadStreamKernel(kernel);
        }

        return (Action<KernelConfig, TArgs>)launcher;
    }
}
