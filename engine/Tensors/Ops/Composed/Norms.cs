using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>(Σ|x|ᵖ)^{1/p} over the given axes (all when none is given); p = ∞ is the largest |x|. The Euclidean norm of zeros has
    /// gradient 0.</summary>
    /// <param name="x">Any shape.</param> <param name="axes">Reduced axes.</param> <param name="p">Positive, or ∞.</param>
    /// <param name="keepDim">Keeps reduced axes as size 1.</param>
    /// <exception cref="ShapeException">An axis does not exist or is named twice, or p is not positive.</exception>
    public static Tensor Norm(Tensor x, ReadOnlySpan<int> axes = default, double p = 2, bool keepDim = false)
    {
        Check.SameFloat("norm", x);
        Check.That(p > 0, $"norm: p is {p}, expected a positive number or infinity");
        if (double.IsPositiveInfinity(p)) { return Amax(Abs(x), axes, keepDim); }
        if (p == 1) { return Sum(Abs(x), axes, keepDim); }
        if (p != 2) { return Pow(Sum(Pow(Abs(x), p), axes, keepDim), 1 / p); }
        var reduced = ReduceOp.Normalize("norm", x.Shape, axes);
        var norm = Euclidean(x, reduced);
        var y = Tape.Record(norm, new NormGrad(x, norm), x);
        return keepDim ? y : Drop(y, reduced);
    }

    /// <summary>x/max(‖x‖₂, eps) along an axis. A row shorter than eps is divided by eps; a row of zeros stays and has gradient 0.</summary>
    /// <param name="x">Any shape.</param> <param name="axis">The axis whose norm becomes 1.</param> <param name="eps">Smallest divisor.</param>
    /// <exception cref="ShapeException">The axis does not exist.</exception>
    public static Tensor L2Normalize(Tensor x, int axis = -1, double eps = 1e-12)
    {
        Check.SameFloat("l2_normalize", x);
        axis = x.Shape.Axis(axis, "l2_normalize");
        int[] axes = x.Rank == 0 ? [] : [axis];
        Tensor norm = Euclidean(x, axes), y = Tensor.EmptyLike(x);
        Map.Run<QuotientMap>("l2_normalize", y, x, norm, p: eps);
        return Tape.Record(y, new L2NormalizeGrad(y, norm, axes, eps), x);
    }

    private static Tensor Euclidean(Tensor x, int[] axes)
    {
        using var noGrad = GradMode.NoGrad();
        return Sqrt(ReduceOp.Run<SumReducer>("norm", Square(x), axes));
    }

    // dx = dy·x/‖x‖, 0 at 0. Saves x and the norm.
    private sealed class NormGrad : GradFn
    {
        private readonly SavedTensor _x, _y;

        public NormGrad(Tensor x, Tensor y) => (_x, _y) = (Save(x), Save(y));

        public override string Name => "norm";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var dx = Tensor.EmptyLike(_x.Value);
            Map.Run<DirectionMap>(Name, dx, dy, _x.Value, _y.Value);
            return [dx];
        }
    }

    // With n = ‖x‖: dx = (dy − y·⟨dy, y⟩)/n where n > eps, dy/eps where 0 < n ≤ eps, 0 where n = 0.
    private sealed class L2NormalizeGrad : GradFn
    {
        private readonly SavedTensor _y, _norm;
        private readonly int[] _axes;
        private readonly double _eps;

        public L2NormalizeGrad(Tensor y, Tensor norm, int[] axes, double eps)
        {
            (_y, _norm) = (Save(y), Save(norm));
            (_axes, _eps) = (axes, eps);
        }

        public override string Name => "l2_normalize";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            Tensor y = _y.Value, norm = _norm.Value, along = Tensor.EmptyLike(y), dx = Tensor.EmptyLike(y);
            Map.Run<AlongMap>(Name, along, y, ReduceOp.Run<SumReducer>(Name, dy * y, _axes), norm, p: _eps);
            Map.Run<DifferenceQuotientMap>(Name, dx, dy, along, norm, p: _eps);
            return [dx];
        }
    }
}

/// <summary>a/max(b, p).</summary>
internal readonly struct QuotientMap : IMap
{
    public static int Arity => 2;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => a / R.Max(p, b);
}

/// <summary>a·b/c, 0 where c = 0.</summary>
internal readonly struct DirectionMap : IMap
{
    public static int Arity => 3;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.IfEqual(c, R.Of(0), R.Of(0), a * b / c);
}

/// <summary>a·b where c &gt; p, else 0.</summary>
internal readonly struct AlongMap : IMap
{
    public static int Arity => 3;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.IfGreater(c, p, a * b, R.Of(0));
}

/// <summary>(a − b)/max(c, p), 0 where c = 0.</summary>
internal readonly struct DifferenceQuotientMap : IMap
{
    public static int Arity => 3;

    public static R F<R>(R a, R b, R c, R p, R q) where R : struct, IReal<R> => R.IfEqual(c, R.Of(0), R.Of(0), (a - b) / R.Max(p, c));
}
