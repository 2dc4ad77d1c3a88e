using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Copies between layouts, element types and devices, fills, and in-place sums: what views and autograd are built on.</summary>
internal static class CopyOp
{
    /// <summary>A row-major copy.</summary>
    public static Tensor Copy(Tensor x)
    {
        var y = Tensor.EmptyLike(x);
        Into(y, x);
        return y;
    }

    /// <summary>y ← x, both strided, one shape (x may broadcast).</summary>
    public static void Into(Tensor y, Tensor x)
    {
        Check.OnDevice("copy", y, x);
        if (y.DType != x.DType) { throw new DTypeException($"copy: element types differ: {y.DType.Name()} and {x.DType.Name()}"); }
        var loop = new StridedLoop(y.Shape, y.Strides.ToArray(), x.BroadcastStrides(y.Shape, "copy"));
        if (loop.Count > 0)
        {
            switch (y.DType.Size())
            {
                case 8: Run<ulong>(loop, x, y); break;
                case 4: Run<uint>(loop, x, y); break;
                case 2: Run<ushort>(loop, x, y); break;
                default: Run<byte>(loop, x, y); break;
            }
        }

        y.MarkChanged();
    }

    /// <summary>All elements ← value.</summary>
    public static void Fill(Tensor y, double value)
    {
        var one = new double[1] { value };
        using var scope = TensorScope.Begin();
        var source = y.DType switch
        {
            DType.F32 => Tensor.From([(float)value], [], y.Device),
            DType.F64 => Tensor.From(one, [], y.Device),
            DType.I64 => Tensor.From([(long)value], [], y.Device),
            DType.I32 => Tensor.From([(int)value], [], y.Device),
            DType.U8 => Tensor.From([(byte)value], [], y.Device),
            DType.Bool => Tensor.From([value != 0], [], y.Device),
            DType.BF16 => Tensor.From([(BFloat16)(float)value], [], y.Device),
            _ => Tensor.From([(Half)value], [], y.Device),
        };
        Into(y, source.Expand(y.Shape.AsSpan()));
    }

    /// <summary>y ← y + x for a contiguous y; counts as an in-place change.</summary>
    public static void AddInPlace(Tensor y, Tensor x)
    {
        BinaryOps.Into<Add>(y, y, x);
        y.MarkChanged();
    }

    private static unsafe void Run<T>(StridedLoop loop, Tensor x, Tensor y) where T : unmanaged
    {
        if (y.Device is GpuDevice gpu)
        {
            CopyGpu.Launch<T>(gpu, loop, x.View<T>(), y.View<T>());
        }
        else
        {
            y.Device.Counters.Launched();
            CopyCpu.Strided(loop, (T*)x.Storage.Pointer + x.Offset, (T*)y.Storage.Pointer + y.Offset);
        }

        GC.KeepAlive(x); // see Kernel.KeepAlive
        GC.KeepAlive(y);
    }
}
