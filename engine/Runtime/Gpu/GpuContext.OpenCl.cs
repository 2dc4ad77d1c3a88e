using System;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime.OpenCL;

namespace FlorenceKernels.Runtime;

// Two facts of Linux distributions, handled in this one place:
// - the runtime package has libOpenCL.so.1 only, while ILGPU asks for libOpenCL.so;
// - PoCL 3.1 has one flat address space but neither the generic-address-space flag nor the keyword. On a CPU, "generic" may be
//   read as "global" (measured: values, shared memory with barriers and GEMMs are right), so that flag is set for CPU devices only.
public static partial class GpuContext
{
    private const int SmallestGroup = 16;
    private const string PoclNote = "generic address space emulated (flat CPU memory); for tests";
    private static readonly PropertyInfo? GenericAddressSpace = typeof(CLCapabilityContext).GetProperty(
        "GenericAddressSpace", BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);

    private static readonly HashSet<nint> Patched = [];

    private static void FindOpenClLibrary()
    {
        if (!OperatingSystem.IsLinux()) { return; }
        // The native environment is what PoCL reads; Environment.SetEnvironmentVariable changes a managed copy only.
        _ = SetNativeEnvironment("POCL_EXTRA_BUILD_FLAGS", "-D__generic=__global", 0);
        try
        {
            NativeLibrary.SetDllImportResolver(typeof(Context).Assembly, static (name, assembly, path) =>
            {
                if (!name.Contains("OpenCL", StringComparison.OrdinalIgnoreCase)) { return 0; }
                if (NativeLibrary.TryLoad("libOpenCL.so", assembly, path, out var handle)) { return handle; }
                return NativeLibrary.TryLoad("libOpenCL.so.1", assembly, path, out handle) ? handle : 0;
            });
        }
        catch (InvalidOperationException)
        {
            // The host program installed its own resolver for ILGPU; it then decides where OpenCL lies.
        }
    }

    private static void AllowGenericPointers(CLDevice device)
    {
        if (device.Capabilities.GenericAddressSpace || !IsCpu(device) || GenericAddressSpace?.CanWrite != true) { return; }
        GenericAddressSpace.SetValue(device.Capabilities, true);
        Patched.Add(device.DeviceId);
    }

    private static bool IsPatched(CLDevice device) => Patched.Contains(device.DeviceId);

    private static bool IsCpu(CLDevice device) => device.DeviceType.HasFlag(CLDeviceType.CL_DEVICE_TYPE_CPU);

    // Everything that is missing, so that one look at the list is enough.
    private static string? Refusal(CLDevice device)
    {
        var missing = new List<string>();
        if (!device.Capabilities.GenericAddressSpace)
        {
            missing.Add("a generic address space (OpenCL C 2.0, or 3.0 with that feature), which ILGPU needs");
        }

        if (!device.Capabilities.Float64) { missing.Add("64-bit floats (cl_khr_fp64), which gradient checks need"); }
        if (device.MaxNumThreadsPerGroup < SmallestGroup)
        {
            missing.Add($"groups of {SmallestGroup} work-items, its largest are {device.MaxNumThreadsPerGroup}");
        }

        return missing.Count == 0 ? null : $"it lacks {string.Join("; and ", missing)}; a newer driver may have it";
    }
}
