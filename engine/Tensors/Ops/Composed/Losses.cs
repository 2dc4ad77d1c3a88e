using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>−t·ln σ(x) − (1 − t)·ln(1 − σ(x)), as t·max(−x, 0) + (1 − t)·max(x, 0) + ln(1 + e^{−|x|}), which neither overflows
    /// nor cancels.</summary>
    /// <param name="logits">x, any shape.</param> <param name="target">t in [0, 1], same shape; differentiable too.</param>
    /// <param name="reduction">Mean and Sum give a scalar.</param>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor BinaryCrossEntropyWithLogits(Tensor logits, Tensor target, Reduction reduction = Reduction.Mean)
    {
        SameShape("binary_cross_entropy_with_logits", logits, target);
        return Reduce(BinaryOps.Apply<BinaryCrossEntropy>(logits, target), reduction);
    }

    /// <summary>t·(ln t − x), 0 where t = 0; x holds log-probabilities. Mean is over elements: for torch's "batchmean" divide Sum by N.</summary>
    /// <param name="input">x, any shape.</param> <param name="target">t ≥ 0, same shape.</param> <param name="reduction">Mean and Sum give a scalar.</param>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor KlDiv(Tensor input, Tensor target, Reduction reduction = Reduction.Mean)
    {
        SameShape("kl_div", input, target);
        return Reduce(BinaryOps.Apply<KlDivergence>(input, target), reduction);
    }

    /// <summary>(x − t)².</summary>
    /// <param name="input">x, any shape.</param> <param name="target">t, same shape.</param> <param name="reduction">Mean and Sum give a scalar.</param>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor MseLoss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean)
    {
        SameShape("mse_loss", input, target);
        return Reduce(Square(input - target), reduction);
    }

    /// <summary>With d = x − t: d²/(2β) where |d| &lt; β, else |d| − β/2; β = 0 is |d|. Girshick 2015, §2.3.</summary>
    /// <param name="input">x, any shape.</param> <param name="target">t, same shape.</param> <param name="beta">Where the square ends; ≥ 0.</param>
    /// <param name="reduction">Mean and Sum give a scalar.</param>
    /// <exception cref="ShapeException">The shapes differ or β is negative.</exception>
    public static Tensor SmoothL1Loss(Tensor input, Tensor target, double beta = 1, Reduction reduction = Reduction.Mean)
    {
        SameShape("smooth_l1_loss", input, target);
        Check.That(beta >= 0, $"smooth_l1_loss: beta is {beta}, expected 0 or more");
        var d = input - target;
        return Reduce(beta == 0 ? Abs(d) : UnaryOps.Apply<SmoothL1>(d, beta), reduction);
    }

    private static void SameShape(string op, Tensor input, Tensor target)
    {
        Check.SameFloat(op, input, target);
        Check.HasShape(op, "target", target, input.Shape);
    }
}

/// <summary>b·ln(1 + e⁻ᵃ) + (1 − b)·ln(1 + eᵃ).</summary>
internal readonly struct BinaryCrossEntropy : IBinaryOp
{
    public static string Name => "binary_cross_entropy_with_logits";

    public static R F<R>(R a, R b) where R : struct, IReal<R> =>
        b * R.Max(R.Of(0), -a) + (R.Of(1) - b) * R.Max(R.Of(0), a) + RealMath.Log1P(R.Exp(-R.Abs(a)));

    // σ(a) − b without cancelling where both are near 1.
    public static R Da<R>(R a, R b) where R : struct, IReal<R> => (R.Of(1) - b) * RealMath.Sigmoid(a) - b * RealMath.Sigmoid(-a);

    public static R Db<R>(R a, R b) where R : struct, IReal<R> => -a;
}

/// <summary>b·(ln b − a), 0 where b is not positive.</summary>
internal readonly struct KlDivergence : IBinaryOp
{
    public static string Name => "kl_div";

    public static R F<R>(R a, R b) where R : struct, IReal<R> => R.IfGreater(b, R.Of(0), b * (R.Log(b) - a), R.Of(0));

    public static R Da<R>(R a, R b) where R : struct, IReal<R> => -b;

    public static R Db<R>(R a, R b) where R : struct, IReal<R> => R.IfGreater(b, R.Of(0), R.Log(b) + R.Of(1) - a, R.Of(0));
}

/// <summary>x²/(2p) where |x| &lt; p, else |x| − p/2.</summary>
internal readonly struct SmoothL1 : IUnaryOp
{
    public static string Name => "smooth_l1_loss";

    public static Needs BackwardNeeds => Needs.Input;

    public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => R.IfGreater(p, R.Abs(x), R.Of(0.5) * x * x / p, R.Abs(x) - R.Of(0.5) * p);

    public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.Max(R.Of(-1), R.Min(R.Of(1), saved / p));
}
