using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Generalised intersection over union of pairs of boxes, in (−1, 1]: I/U − (C − U)/C with intersection I, union U
    /// and the smallest box C around both; ε is added to U and C. 1 − GIoU is the loss. Rezatofighi et al., arXiv
    /// 1902.09630.</summary>
    /// <param name="a">[N, 4] corners (x1, y1, x2, y2) with x1 ≤ x2 and y1 ≤ y2.</param>
    /// <param name="b">[N, 4]; differentiable too.</param>
    /// <param name="eps">Keeps boxes without area finite.</param>
    /// <returns>[N].</returns>
    /// <exception cref="ShapeException">The shapes are not equal [N, 4].</exception>
    public static Tensor GeneralizedBoxIoU(Tensor a, Tensor b, double eps = 1e-7)
    {
        const string Op = "generalized_box_iou";
        AreBoxes(Op, a, b);
        Check.HasShape(Op, "b", b, a.Shape);
        Tensor denseA = Dense(a)!, denseB = Dense(b)!;
        var y = Tensor.EmptyLike(a, [a.Shape[0]]);
        if (y.Count > 0) { Kernel.Run(y, new GiouForward(denseA, denseB, y, eps)); }
        return Tape.Record(y, new GiouGrad(denseA, denseB, eps), a, b);
    }

    /// <summary>Intersection over union of every box of a with every box of b; without gradient
    /// (torchvision.ops.box_iou).</summary>
    /// <param name="a">[N, 4] corners (x1, y1, x2, y2).</param> <param name="b">[M, 4].</param>
    /// <returns>[N, M]; 0 for two boxes without area.</returns>
    /// <exception cref="ShapeException">The shapes are not [N, 4] and [M, 4].</exception>
    public static Tensor BoxIoU(Tensor a, Tensor b)
    {
        AreBoxes("box_iou", a, b);
        var y = Tensor.EmptyLike(a, [a.Shape[0], b.Shape[0]]);
        if (y.Count > 0) { Kernel.Run(y, new BoxPairs(Dense(a)!, Dense(b)!, y)); }
        return Tape.Record(y, new NotDifferentiable("box_iou", "use GeneralizedBoxIoU for a loss, or Detach() the boxes"), a, b);
    }

    private static void AreBoxes(string op, Tensor a, Tensor b)
    {
        Check.SameFloat(op, a, b);
        Check.That(a.Rank == 2 && a.Shape[1] == 4, $"{op}: a is {a.Shape}, expected [N, 4] corners");
        Check.That(b.Rank == 2 && b.Shape[1] == 4, $"{op}: b is {b.Shape}, expected [N, 4] corners");
    }

    private sealed class GiouGrad : GradFn
    {
        private readonly SavedTensor _a, _b;
        private readonly double _eps;

        public GiouGrad(Tensor a, Tensor b, double eps) => (_a, _b, _eps) = (Save(a), Save(b), eps);

        public override string Name => "generalized_box_iou";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var g = dy.Contiguous();
            return [Needs(0) ? Slope(_a.Value, _b.Value, g) : null, Needs(1) ? Slope(_b.Value, _a.Value, g) : null];
        }

        // GIoU is symmetric: the derivative by b is that by a with the boxes exchanged.
        private Tensor Slope(Tensor a, Tensor b, Tensor g)
        {
            var da = Tensor.EmptyLike(a);
            if (da.Count > 0) { Kernel.Run(a, new GiouBackward(a, b, g, da, _eps)); }
            return da;
        }
    }
}

internal readonly struct GiouForward(Tensor a, Tensor b, Tensor y, double eps) : IOpKernel
{
    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        BoxIoUCpu.Forward(a.Pointer<T>(), b.Pointer<T>(), y.Pointer<T>(), y.Count, eps);

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => device.LaunchElements(BoxIoUGpu.Forward, y.Count,
        new BoxIoUGpu.Args<R>
        {
            A = a.View<R>(),
            B = b.View<R>(),
            G = y.View<R>(),
            Y = y.View<R>(),
            Eps = R.Of(eps),
            Count = y.Shape[0],
        });
}

internal readonly struct GiouBackward(Tensor a, Tensor b, Tensor g, Tensor da, double eps) : IOpKernel
{
    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        BoxIoUCpu.Backward(a.Pointer<T>(), b.Pointer<T>(), g.Pointer<T>(), da.Pointer<T>(), g.Count, eps);

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => device.LaunchElements(BoxIoUGpu.Backward, g.Count,
        new BoxIoUGpu.Args<R>
        {
            A = a.View<R>(),
            B = b.View<R>(),
            G = g.View<R>(),
            Y = da.View<R>(),
            Eps = R.Of(eps),
            Count = g.Shape[0],
        });
}

internal readonly struct BoxPairs(Tensor a, Tensor b, Tensor y) : IOpKernel
{
    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        BoxIoUCpu.Pairs(a.Pointer<T>(), b.Pointer<T>(), y.Pointer<T>(), y.Shape[0], y.Shape[1]);

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => device.LaunchElements(BoxIoUGpu.Pairs, y.Count,
        new BoxIoUGpu.Args<R>
        {
            A = a.View<R>(),
            B = b.View<R>(),
            G = y.View<R>(),
            Y = y.View<R>(),
            Count = checked((int)y.Count),
            M = y.Shape[1],
        });
}
