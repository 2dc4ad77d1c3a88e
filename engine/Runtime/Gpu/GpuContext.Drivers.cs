using System;
using System.Runtime.InteropServices;

namespace FlorenceKernels.Runtime;

// Why a backend has no device: the driver library is asked directly, because ILGPU only says that it found nothing.
public static unsafe partial class GpuContext
{
    private const int CudaNoDevice = 100, ClNoPlatform = -1001;
    private const ulong ClAllDevices = 0xFFFFFFFF;

    private static string WhyNoCuda()
    {
        var name = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";
        if (!NativeLibrary.TryLoad(name, out var library))
        {
            return $"no NVIDIA driver: {name} can not be loaded; install the driver, or give the container access to the GPU";
        }

        if (!NativeLibrary.TryGetExport(library, "cuInit", out var init)
            || !NativeLibrary.TryGetExport(library, "cuDeviceGetCount", out var counter))
        {
            return $"{name} is not NVIDIA's driver library: it has no cuInit";
        }

        var count = 0;
        var error = ((delegate* unmanaged<uint, int>)init)(0);
        if (error == 0) { error = ((delegate* unmanaged<int*, int>)counter)(&count); }
        if (error == CudaNoDevice || (error == 0 && count == 0)) { return $"the NVIDIA driver ({name}) is installed but finds no GPU"; }
        return error != 0
            ? $"the NVIDIA driver ({name}) is installed but does not start: CUDA error {error}; compare with nvidia-smi"
            : $"the NVIDIA driver reports {count} GPUs, but ILGPU accepts none: {_cudaRefused ?? "their architecture is unknown to it"}";
    }

    private static string WhyNoOpenCl()
    {
        string[] names = OperatingSystem.IsWindows() ? ["OpenCL.dll"] : ["libOpenCL.so.1", "libOpenCL.so"];
        nint library = 0;
        var name = Array.Find(names, n => NativeLibrary.TryLoad(n, out library));
        if (name is null) { return $"no OpenCL loader: {names[0]} can not be loaded; install one (ocl-icd-libopencl1) and a driver"; }
        if (!NativeLibrary.TryGetExport(library, "clGetPlatformIDs", out var getPlatforms)
            || !NativeLibrary.TryGetExport(library, "clGetDeviceIDs", out var getDevices))
        {
            return $"{name} is not an OpenCL loader: it has no clGetPlatformIDs";
        }

        uint platforms = 0;
        var error = ((delegate* unmanaged<uint, nint*, uint*, int>)getPlatforms)(0, null, &platforms);
        if (error == ClNoPlatform || (error == 0 && platforms == 0))
        {
            return $"the OpenCL loader ({name}) is installed but no driver (ICD) is registered; install one (for a CPU: pocl-opencl-icd)";
        }

        return error != 0
            ? $"the OpenCL loader ({name}) is installed but does not start: error {error}"
            : NoClDevice(platforms, getPlatforms, getDevices);
    }

    private static string NoClDevice(uint platforms, nint getPlatforms, nint getDevices)
    {
        var ids = new nint[platforms];
        fixed (nint* first = ids) { _ = ((delegate* unmanaged<uint, nint*, uint*, int>)getPlatforms)(platforms, first, null); }
        uint devices = 0;
        foreach (var id in ids)
        {
            uint here = 0;
            if (((delegate* unmanaged<nint, ulong, uint, nint*, uint*, int>)getDevices)(id, ClAllDevices, 0, null, &here) == 0) { devices += here; }
        }

        return devices == 0
            ? $"{platforms} OpenCL drivers answer but none has a device; a GPU needs its kernel module and access to /dev/dri"
            : $"OpenCL reports {devices} devices, but ILGPU accepts none: {_openClRefused ?? "it needs OpenCL 2.0 or newer"}";
    }
}
