using System;
using System.Linq;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Σ(x − mean)²/(n − correction) over the given axes (all when none is given). A divisor of 0 or less gives NaN or ∞, as torch.</summary>
    /// <param name="x">Any shape.</param> <param name="axes">Reduced axes.</param> <param name="correction">1 unbiased, 0 biased.</param>
    /// <param name="keepDim">Keeps reduced axes as size 1.</param>
    public static Tensor Var(Tensor x, ReadOnlySpan<int> axes = default, double correction = 1, bool keepDim = false)
    {
        Check.SameFloat("var", x);
        var n = ReduceOp.Normalize("var", x.Shape, axes).Aggregate(1L, (p, a) => p * x.Shape[a]);
        return Sum(Square(x - Mean(x, axes, keepDim: true)), axes, keepDim) * (1 / Math.Max(0, n - correction));
    }

    /// <summary>√Var.</summary>
    /// <inheritdoc cref="Var"/>
    public static Tensor Std(Tensor x, ReadOnlySpan<int> axes = default, double correction = 1, bool keepDim = false) =>
        Sqrt(Var(x, axes, correction, keepDim));
}
