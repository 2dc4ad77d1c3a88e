using System;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace FlorenceKernels.Runtime;

/// <summary>Turns what a driver or ILGPU's compiler throws into one sentence: device, what was being done, the driver's own words, and the
/// kernel started last, because drivers report a kernel's fault at a later call.</summary>
internal static class DriverErrors
{
    public static bool IsDriver(Exception e) => e is AcceleratorException or InternalCompilerException or NullReferenceException
        or CapabilityNotSupportedException or NotSupportedException or AggregateException;

    public static bool IsOutOfMemory(Exception e) => e switch
    {
        OutOfMemoryException => true,
        CudaException cuda => cuda.Error == nameof(CudaError.CUDA_ERROR_OUT_OF_MEMORY),
        CLException cl => cl.Error is CLError.CL_MEM_OBJECT_ALLOCATION_FAILURE or CLError.CL_OUT_OF_RESOURCES
            or CLError.CL_OUT_OF_HOST_MEMORY or CLError.CL_INVALID_BUFFER_SIZE,
        _ => false,
    };

    public static DeviceException Explain(string device, string doing, string? lastKernel, Exception e)
    {
        var after = lastKernel is null ? "" : $"; the kernel started last was {lastKernel}";
        return new DeviceException($"{device}: {doing} failed: {Text(e)}{after}", e);
    }

    /// <summary>The driver's error code and words, or the innermost message of a compile error.</summary>
    public static string Text(Exception e)
    {
        if (e is CLException cl) { return cl.Error.ToString(); }
        if (e is CudaException cuda) { return $"{cuda.Error}, {cuda.Message}"; }
        return e.InnerException is { } inner ? $"{e.Message} {Text(inner)}" : e.Message;
    }
}
