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
            DeformByChannel.Of(g, operands).Kernel<T>(g, operands).Forward(y.Pointer<T>());

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => DeformImageRuns.Forward<R>(device, g, operands, y);
    }

    private readonly struct Backwards(DeformGeometry g, DeformOperands operands, Tensor dy, DeformGradients to) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var by = DeformByChannel.Of(g, operands);
            var dx = to.X is null ? null : Tensor.ZerosLike(by.X);
            var dw = to.Weight is null ? null : Tensor.EmptyLike(by.Weight);
            by.Kernel<T>(g, operands).Backward(dy.Pointer<T>(), At<T>(dx), At<T>(to.Offset), At<T>(to.Mask), At<T>(dw));
            if (dx is not null) { CopyOp.Into(to.X!, dx.Permute(0, 3, 1, 2)); }
            if (dw is not null) { CopyOp.Into(to.Weight!.Reshape(g.Outputs, g.GroupChannels, g.Taps), dw.Transpose(1, 2)); }
        }

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> =>
            DeformImageRuns.Backward<R>(device, g, operands, dy, to);
    }

    private static unsafe T* At<T>(Tensor? t) where T : unmanaged => t is null ? null : t.Pointer<T>();

    // The operands as the CPU kernel wants them: x [B, H, W, C], weight [O, taps, C/groups].
    private readonly record struct DeformByChannel(Tensor X, Tensor Weight, Tensor Zeros)
    {
        public static DeformByChannel Of(DeformGeometry g, DeformOperands o) => new(
            o.X.Permute(0, 2, 3, 1).Contiguous(),
            o.Weight.Reshape(g.Outputs, g.GroupChannels, g.Taps).Transpose(1, 2).Contiguous(),
            Tensor.Zeros([g.Channels], o.X.DType));

        public unsafe DeformConvCpu<T> Kernel<T>(DeformGeometry g, DeformOperands o)
            where T : unmanaged, IBinaryFloatingPointIeee754<T> => new(
            g, X.Pointer<T>(), Weight.Pointer<T>(), Zeros.Pointer<T>(), o.Offset.Pointer<T>(), At<T>(o.Mask));
    }
}

/// <summary>What a deformable convolution reads; all contiguous.</summary>
internal readonly record struct DeformOperands(Tensor X, Tensor Offset, Tensor? Mask, Tensor Weight);

/// <summary>Zeros that receive the wanted gradients; null where one is not wanted.</summary>
internal readonly record struct DeformGradients(Tensor? X, Tensor? Offset, Tensor? Mask, Tensor? Weight);
