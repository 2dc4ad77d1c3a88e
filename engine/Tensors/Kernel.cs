using System.Numerics;
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
            return;
        }

        like.Device.Counters.Launched();
        if (like.DType == DType.F32) { kernel.Cpu<float>(); } else { kernel.Cpu<double>(); }
    }
}
