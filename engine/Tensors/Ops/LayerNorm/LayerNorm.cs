using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>y = (x − mean)·rstd·γ + β over the last axis, rstd = 1/√(var + eps), var biased. Ba, Kiros, Hinton 2016, §3.</summary>
    /// <param name="x">[..., C]</param> <param name="gamma">[C], or null for 1.</param> <param name="beta">[C], or null for 0.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <exception cref="ShapeException">x has no axis, or γ or β is not [C].</exception>
    public static Tensor LayerNorm(Tensor x, Tensor? gamma = null, Tensor? beta = null, double eps = 1e-5)
    {
        Check.SameFloat("layer_norm", x);
        Check.That(x.Rank > 0, $"layer_norm: x is a scalar, expected [..., C]");
        Affine1("layer_norm", x, gamma, beta, x.Shape[^1]);
        var rows = RowLayout.Rows(x, x.Rank - 1);
        var (y, mean, rstd) = LayerNormOp.Forward(rows, Dense(gamma), Dense(beta), eps);
        return Tape.Record(y.Reshape(x.Shape), new LayerNormGrad(rows, Dense(gamma), mean, rstd, x.Shape), x, gamma, beta);
    }

    // γ and β of a normalisation over c channels.
    private static void Affine1(string op, Tensor x, Tensor? gamma, Tensor? beta, int c)
    {
        if (gamma is not null)
        {
            Check.SameFloat(op, x, gamma);
            Check.HasShape(op, "gamma", gamma, [c]);
        }

        if (beta is not null)
        {
            Check.SameFloat(op, x, beta);
            Check.HasShape(op, "beta", beta, [c]);
        }
    }

    private static Tensor? Dense(Tensor? t) => t is null || t.IsContiguous ? t : t.Detach().Contiguous();

    // x̂ = (x − mean)·rstd, g = dy·γ:  dx = rstd·(g − ⟨g⟩ − x̂·⟨g·x̂⟩), ⟨·⟩ the mean over C;  dγ = Σ dy·x̂;  dβ = Σ dy.
    private sealed class LayerNormGrad : GradFn
    {
        private readonly SavedTensor _x, _gamma, _mean, _rstd;
        private readonly Shape _shape;

        public LayerNormGrad(Tensor x, Tensor? gamma, Tensor mean, Tensor rstd, Shape shape)
        {
            (_x, _gamma, _mean, _rstd) = (Save(x), Save(gamma), Save(mean), Save(rstd));
            _shape = shape;
        }

        public override string Name => "layer_norm";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var x = _x.Value;
            var (dx, dGamma, dBeta) = LayerNormOp.Backward(RowLayout.Rows(dy, dy.Rank - 1), x, _gamma.OrNull, _mean.Value, _rstd.Value,
                Needs(0), Needs(1) || Needs(2));
            return [dx?.Reshape(_shape), Needs(1) ? dGamma : null, Needs(2) ? dBeta : null];
        }
    }
}

/// <summary>Normalisation of dense rows [N, C], also what GroupNorm and BatchNorm are made of.</summary>
internal static class LayerNormOp
{
    // Parameter gradients: partial sums over this many pieces of rows, a number that no thread count changes, then a sum over the pieces.
    private const int Pieces = 64, MinRowsPerPiece = 16;

    public static (Tensor Y, Tensor Mean, Tensor Rstd) Forward(Tensor x, Tensor? gamma, Tensor? beta, double eps)
    {
        int n = x.Shape[0], c = x.Shape[1];
        Tensor y = Tensor.EmptyLike(x), mean = Tensor.EmptyLike(x, [n]), rstd = Tensor.EmptyLike(x, [n]);
        if (y.Count > 0) { Kernel.Run(x, new ForwardLaunch(x, gamma, beta, y, mean, rstd, n, c, eps)); }
        return (y, mean, rstd);
    }

    public static (Tensor? Dx, Tensor? DGamma, Tensor? DBeta) Backward(Tensor dy, Tensor x, Tensor? gamma, Tensor mean, Tensor rstd,
        bool needsX, bool needsParameters)
    {
        int n = x.Shape[0], c = x.Shape[1];
        var dx = needsX ? Tensor.EmptyLike(x) : null;
        if (x.Count == 0) { return (dx, Tensor.Zeros([c], x.DType, x.Device), Tensor.Zeros([c], x.DType, x.Device)); }
        var rowsPerPiece = Math.Max(MinRowsPerPiece, (n + Pieces - 1) / Pieces);
        var pieces = (n + rowsPerPiece - 1) / rowsPerPiece;
        var dGamma = needsParameters ? Tensor.EmptyLike(x, [pieces, c]) : null;
        var dBeta = needsParameters ? Tensor.EmptyLike(x, [pieces, c]) : null;
        Kernel.Run(x, new BackwardLaunch(dy, x, gamma, mean, rstd, dx, dGamma, dBeta, n, c, rowsPerPiece));
        return (dx, Total(dGamma, c), Total(dBeta, c));
    }

    private static Tensor? Total(Tensor? parts, int c) => parts is null ? null : ReduceOp.Run<SumReducer>("layer_norm", parts, [0]).Reshape(c);

    private readonly struct ForwardLaunch(Tensor x, Tensor? gamma, Tensor? beta, Tensor y, Tensor mean, Tensor rstd, int n, int c, double eps)
        : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, LayerNormForwardCpu<T>>(new(
            x.Pointer<T>(), gamma is null ? null : gamma.Pointer<T>(), beta is null ? null : beta.Pointer<T>(), y.Pointer<T>(),
            mean.Pointer<T>(), rstd.Pointer<T>(), n, c, eps));

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R> => LayerNormGpu.Forward<R>(device, new()
        {
            X = x.View<R>(),
            Gamma = (gamma ?? x).View<R>(),
            Beta = (beta ?? x).View<R>(),
            Y = y.View<R>(),
            Mean = mean.View<R>(),
            Rstd = rstd.View<R>(),
            N = n,
            C = c,
            HasGamma = gamma is null ? 0 : 1,
            HasBeta = beta is null ? 0 : 1,
            Eps = R.Of(eps),
            PerC = R.Of(1.0 / c),
        });
    }

    private readonly struct BackwardLaunch(Tensor dy, Tensor x, Tensor? gamma, Tensor mean, Tensor rstd, Tensor? dx, Tensor? dGamma,
        Tensor? dBeta, int n, int c, int rowsPerPiece) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, LayerNormBackwardCpu<T>>(new(
            dy.Pointer<T>(), x.Pointer<T>(), gamma is null ? null : gamma.Pointer<T>(), mean.Pointer<T>(), rstd.Pointer<T>(),
            dx is null ? null : dx.Pointer<T>(), dGamma is null ? null : dGamma.Pointer<T>(), dBeta is null ? null : dBeta.Pointer<T>(),
            n, c, rowsPerPiece));

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
        {
            LayerNormGpu.Args<R> args = new()
            {
                X = x.View<R>(),
                Gamma = (gamma ?? x).View<R>(),
                Beta = dy.View<R>(),
                Mean = mean.View<R>(),
                Rstd = rstd.View<R>(),
                N = n,
                C = c,
                HasGamma = gamma is null ? 0 : 1,
                PerC = R.Of(1.0 / c),
                RowsPerPiece = rowsPerPiece,
            };
            if (dx is not null) { LayerNormGpu.Backward(device, args with { Y = dx.View<R>() }); }
            if (dGamma is not null && dBeta is not null)
            {
                LayerNormGpu.Parameters(device, args with { DGamma = dGamma.View<R>(), DBeta = dBeta.View<R>() }, dGamma.Shape[0]);
            }
        }
    }
}
