using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Chooses the schedule of a convolution on the CPU. Each unfolds a few MiB of windows at a time, which stay in L3 until
/// the matrix product has read them: <see cref="TokenConvCpu{T}"/> one window per row where y has its channels last,
/// <see cref="PlaneConvCpu{T}"/> one tap per row where it has not, <see cref="DepthwiseCpu{T}"/> no product at all.</summary>
internal static unsafe class ConvCpu<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static void Forward(ConvGeometry g, T* x, T* weight, T* bias, T* y)
    {
        if (g.IsDepthwise) { DepthwiseCpu<T>.Forward(g, x, weight, bias, y); }
        else if (g.YLast) { TokenConvCpu<T>.Forward(g, x, weight, bias, y); }
        else { PlaneConvCpu<T>.Forward(g, x, weight, bias, y); }
    }

    public static void InputGrad(ConvGeometry g, T* dy, T* weight, T* dx)
    {
        if (g.IsDepthwise) { DepthwiseCpu<T>.InputGrad(g, dy, weight, dx); }
        else if (g.XLast) { TokenConvCpu<T>.InputGrad(g, dy, weight, dx); }
        else { PlaneConvCpu<T>.InputGrad(g, dy, weight, dx); }
    }

    public static void WeightGrad(ConvGeometry g, T* dy, T* x, T* dw)
    {
        if (g.IsDepthwise) { DepthwiseCpu<T>.WeightGrad(g, dy, x, dw); }
        else if (g.YLast) { TokenConvCpu<T>.WeightGrad(g, dy, x, dw); }
        else { PlaneConvCpu<T>.WeightGrad(g, dy, x, dw); }
    }

    /// <summary>Working memory from the caching allocator, so that the steady state touches no fresh pages.</summary>
    public static Tensor Scratch(long count) => TensorScope.Release(Tensor.Empty([checked((int)count)], DTypes.Of<T>()));
}

/// <summary>Row loops shared by the convolutions.</summary>
internal static unsafe class ConvRows
{
    /// <summary>to ← to + from.</summary>
    public static void Add<R, T>(T* to, T* from, long count) where R : struct, ISimd<R, T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        long i = 0;
        for (; i + R.Count <= count; i += R.Count) { (R.Load(to + i) + R.Load(from + i)).Store(to + i); }
        for (; i < count; i++) { to[i] += from[i]; }
    }

    /// <summary>Every plane of y ← its channel's bias.</summary>
    public static void FillBias<T>(ConvGeometry g, T* bias, T* y) where T : unmanaged
    {
        CpuThreads.ForRange((long)g.Batch * g.Outputs, Math.Max(1, (1 << 15) / g.Positions), (from, to) =>
        {
            for (var plane = from; plane < to; plane++)
            {
                new Span<T>(y + plane * g.Positions, g.Positions).Fill(bias[plane % g.Outputs]);
            }
        });
    }
}
