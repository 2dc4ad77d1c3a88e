using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Deformable convolution without bias, and its four gradients (DCNv2; with Γ = Wᵀ·g of one output position):
/// <code>
/// dW = g·(m·S)ᵀ      dm = Σc Γ·S      dx[corner] += Γ·m·(corner's weight)
/// dΔh = Σc Γ·m·((1−lv)(x10−x00) + lv(x11−x01))      dΔv = Σc Γ·m·((1−lh)(x01−x00) + lh(x11−x10))
/// </code></summary>
internal static class DeformConvOp
{
    public static Tensor Run(DeformGeometry g, Tensor x, Tensor offset, Tensor? mask, Tensor weight)
    {
        using var image = x.ContiguousUntracked();
        using var delta = offset.ContiguousUntracked();
        using var factor = mask?.ContiguousUntracked();
        using var kernel = weight.ContiguousUntracked();
        var y = Tensor.EmptyLike(x, g.OutputShape);
        var operands = new DeformOperands(image, delta, factor, kernel);
        if (y.Count > 0)
        {
            using var temporary = TensorScope.Begin();
            using var noGrad = GradMode.NoGrad();
            Kernel.Run(y, new Forward(g, operands, y));
        }

        return Tape.Record(y, new Grad(g, operands), x, offset, mask, weight);
    }

    private sealed class Grad : GradFn
    {
        private readonly DeformGeometry _g;
        private readonly SavedTensor _x, _offset, _mask, _weight;

        public Grad(DeformGeometry g, DeformOperands o)
        {
            _g = g;
            (_x, _offset, _mask, _weight) = (Save(o.X), Save(o.Offset), Save(o.Mask), Save(o.Weight));
        }

        public override string Name => "deform_conv2d";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var operands = new DeformOperands(_x, _offset, _mask.OrNull, _weight);
            Tensor? Wanted(int input, Tensor? like) => Needs(input) && like is not null ? Tensor.ZerosLike(like) : null;
            var gradients = new DeformGradients(Wanted(0, operands.X), Wanted(1, operands.Offset), Wanted(2, operands.Mask),
                Wanted(3, operands.Weight));
            if (dy.Count > 0)
            {
                using var temporary = TensorScope.Begin();
                Kernel.Run(dy, new Backwards(_g, operands, dy.Contiguous(), gradients));
            }

            return [gradients.X, gradients.Offset, gradients.Mask, gradients.Weight];
        }
    }

    private readonly struct Forward(DeformGeometry g, DeformOperands operands, Tensor y) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            new DeformConvCpu<T>(g, operands).Forward(y.Pointer<T>());

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => DeformConvGpu.Forward<R>(device, g, operands, y);
    }

    private readonly struct Backwards(DeformGeometry g, DeformOperands operands, Tensor dy, DeformGradients to) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
            new DeformConvCpu<T>(g, operands).Backward(dy, to);

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> =>
            DeformConvGpu.Backward<R>(device, g, operands, dy, to);
    }
}

/// <summary>What a deformable convolution reads; all contiguous.</summary>
internal readonly record struct DeformOperands(Tensor X, Tensor Offset, Tensor? Mask, Tensor Weight);

/// <summary>Zeros that receive the wanted gradients; null where one is not wanted.</summary>
internal readonly record struct DeformGradients(Tensor? X, Tensor? Offset, Tensor? Mask, Tensor? Weight);
