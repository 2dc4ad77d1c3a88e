using System.Numerics;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>The two kernels of an op, as one struct that holds the op's tensors and sizes.</summary>
public interface IOpKernel
{
    /// <summary>The CPU kernel, for float or double.</summary>
    void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>;

    /// <summary>The ILGPU kernel, for <see cref="G32"/> or <see cref="G64"/>.</summary>
    void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>;
}

/// <summary>The one place where an op meets a device and an element type.</summary>
public static class Kernel
{
    /// <summary>Runs the kernel that belongs to <paramref name="like"/>'s device and element type.</summary>
    public static void Run<TKernel>(Tensor like, in TKernel kernel) where TKernel : IOpKernel
    {
        if (like.Device is GpuDevice gpu)
        {
            if (like.DType == DType.F32) { kernel.Gpu<G32>(gpu); } else { kernel.Gpu<G64>(gpu); }
        }
        else
        {
            like.Device.Counters.Launched();
            if (like.DType == DType.F32) { kernel.Cpu<float>(); } else { kernel.Cpu<double>(); }
        }

        KeepAlive(kernel);
    }

    // Kernels work on bare addresses. To the collector a tensor is dead once its address was read, and a storage that was dropped
    // without a scope goes back to the allocator while the kernel still uses it. The compiler can not see that nothing is read
    // here, so all that the struct refers to lives until now: GC.KeepAlive for structs.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    private static void KeepAlive<TKernel>(in TKernel kernel) where TKernel : IOpKernel => _ = kernel;
}
