using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using ILGPU;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using IlgpuDevice = ILGPU.Runtime.Device;

namespace FlorenceKernels.Runtime;

/// <summary>A device that was found, or a reason why one is not usable.</summary>
/// <param name="Name">Device string.</param> <param name="Description">What the hardware calls itself.</param>
/// <param name="Refused">Null when usable, else why not and what to do.</param> <param name="Note">Something worth knowing.</param>
public readonly record struct DeviceFinding(string Name, string Description, string? Refused, string? Note);

/// <summary>The one ILGPU context of the process: finds devices, explains refusals, opens accelerators.</summary>
public static partial class GpuContext
{
    // 16 simulated lanes are 16 OS threads: enough for barriers and races to show, few enough for two cores.
    private const int SimulatorLanes = 16;

    private static readonly Lazy<Context> Shared = new(Create, LazyThreadSafetyMode.ExecutionAndPublication);
    private static string? _cudaRefused, _openClRefused;

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int SetNativeEnvironment(string name, string value, int overwrite);

    /// <summary>The device string <c>auto</c> stands for.</summary>
    public static string BestDevice()
    {
        var context = Shared.Value;
        if (context.GetCudaDevices().Count > 0) { return "cuda:0"; }
        var devices = context.GetCLDevices();
        for (var i = 0; i < devices.Count; i++)
        {
            if (!IsCpu(devices[i]) && Refusal(devices[i]) is null) { return $"opencl:{i}"; }
        }

        return "cpu";
    }

    /// <summary>Every device string of this machine with its state, and one entry per missing backend.</summary>
    public static IReadOnlyList<DeviceFinding> Find()
    {
        var context = Shared.Value;
        var found = new List<DeviceFinding> { new("cpu", Device.Cpu.Description, null, "embedded default") };
        var cuda = context.GetCudaDevices();
        for (var i = 0; i < cuda.Count; i++) { found.Add(new($"cuda:{i}", cuda[i].Name, null, null)); }
        if (cuda.Count == 0) { found.Add(new("cuda", "-", WhyNoCuda(), null)); }
        var cl = context.GetCLDevices();
        for (var i = 0; i < cl.Count; i++)
        {
            found.Add(new($"opencl:{i}", cl[i].Name, Refusal(cl[i]), IsPatched(cl[i]) ? PoclNote : null));
        }

        if (cl.Count == 0) { found.Add(new("opencl", "-", WhyNoOpenCl(), null)); }

        found.Add(new("simulator", $"ILGPU CPU accelerator, {SimulatorLanes} lanes", null, "runs GPU kernels as C#; for debugging"));
        return found;
    }

    /// <summary>How kernels are compiled, here and in proofs of their code. Below O2 views are not known to be global memory.</summary>
    internal static void Configure(Context.Builder builder) => builder.Optimize(OptimizationLevel.O2).EnableAlgorithms();

    internal static Device Open(string name)
    {
        var context = Shared.Value;
        try
        {
            var device = Select(context, name);
            return new GpuDevice(name, device.CreateAccelerator(context));
        }
        catch (Exception e) when (e is not DeviceException)
        {
            throw new DeviceException($"{name} was found but could not be opened: {DriverErrors.Text(e)}; 'florence doctor' lists what is usable", e);
        }
    }

    private static IlgpuDevice Select(Context context, string name)
    {
        if (name == "simulator") { return context.GetCPUDevices()[0]; }
        var parts = name.Split(':');
        if (parts.Length != 2 || !int.TryParse(parts[1], out var index) || index < 0 || parts[0] is not ("cuda" or "opencl"))
        {
            throw new DeviceException($"'{name}' is not a device; give cpu, cuda:N, opencl:N, simulator or auto");
        }

        if (parts[0] == "cuda")
        {
            var cuda = context.GetCudaDevices();
            return index < cuda.Count ? cuda[index]
                : throw new DeviceException($"{name} does not exist: {Missing(cuda.Count, "CUDA", WhyNoCuda)}");
        }

        var devices = context.GetCLDevices();
        if (index >= devices.Count)
        {
            throw new DeviceException($"{name} does not exist: {Missing(devices.Count, "OpenCL", WhyNoOpenCl)}");
        }

        var refused = Refusal(devices[index]);
        return refused is null ? devices[index] : throw new DeviceException($"{name} ({devices[index].Name}) is not usable: {refused}");
    }

    private static string Missing(int count, string kind, Func<string> why) =>
        count == 0 ? why() : $"{kind} devices found: {count}, numbered from 0";

    private static Context Create()
    {
        FindOpenClLibrary();
        var context = Context.Create(builder =>
        {
            Configure(builder.CPU(new CPUDevice(SimulatorLanes, 1, 1)));
            try { builder.Cuda(); } catch (Exception e) { _cudaRefused = e.Message; }
            try { builder.OpenCL(static _ => true); } catch (Exception e) { _openClRefused = e.Message; }
        });
        foreach (var device in context.GetCLDevices()) { AllowGenericPointers(device); }
        return context;
    }
}
