using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>The ops, by torch's names (<c>torch.nn.functional</c> and <c>torch</c>).</summary>
public static partial class F
{
    /// <summary>|x|.</summary>
    public static Tensor Abs(Tensor x) => UnaryOps.Apply<Abs>(x);

    /// <summary>eˣ.</summary>
    public static Tensor Exp(Tensor x) => UnaryOps.Apply<Exp>(x);

    /// <summary>Natural logarithm.</summary>
    public static Tensor Log(Tensor x) => UnaryOps.Apply<Log>(x);

    /// <summary>ln(1 + x).</summary>
    public static Tensor Log1P(Tensor x) => UnaryOps.Apply<Log1P>(x);

    /// <summary>√x.</summary>
    public static Tensor Sqrt(Tensor x) => UnaryOps.Apply<Sqrt>(x);

    /// <summary>1/√x.</summary>
    public static Tensor Rsqrt(Tensor x) => UnaryOps.Apply<Rsqrt>(x);

    /// <summary>1/x.</summary>
    public static Tensor Reciprocal(Tensor x) => UnaryOps.Apply<Reciprocal>(x);

    /// <summary>x².</summary>
    public static Tensor Square(Tensor x) => UnaryOps.Apply<Square>(x);

    /// <summary>xᵖ: squares, cubes, roots and reciprocals exactly; other exponents through the logarithm, for x &gt; 0.</summary>
    public static Tensor Pow(Tensor x, double exponent) => exponent switch
    {
        1 => UnaryOps.Apply<Affine>(x, 1, 0),
        2 => UnaryOps.Apply<Square>(x),
        3 => UnaryOps.Apply<Cube>(x),
        0.5 => UnaryOps.Apply<Sqrt>(x),
        -0.5 => UnaryOps.Apply<Rsqrt>(x),
        -1 => UnaryOps.Apply<Reciprocal>(x),
        _ => UnaryOps.Apply<PowScalar>(x, exponent),
    };

    /// <summary>aᵇ for a &gt; 0.</summary>
    public static Tensor Pow(Tensor a, Tensor b) => BinaryOps.Apply<Pow>(a, b);

    /// <summary>sin x.</summary>
    public static Tensor Sin(Tensor x) => UnaryOps.Apply<Sin>(x);

    /// <summary>cos x.</summary>
    public static Tensor Cos(Tensor x) => UnaryOps.Apply<Cos>(x);

    /// <summary>tanh x.</summary>
    public static Tensor Tanh(Tensor x) => UnaryOps.Apply<Tanh>(x);

    /// <summary>σ(x) = 1/(1 + e⁻ˣ).</summary>
    public static Tensor Sigmoid(Tensor x) => UnaryOps.Apply<Sigmoid>(x);

    /// <summary>erf x.</summary>
    public static Tensor Erf(Tensor x) => UnaryOps.Apply<Erf>(x);

    /// <summary>max(x, 0).</summary>
    public static Tensor Relu(Tensor x) => UnaryOps.Apply<Relu>(x);

    /// <summary>min(max(x, 0), 6).</summary>
    public static Tensor Relu6(Tensor x) => UnaryOps.Apply<Relu6>(x);

    /// <summary>min(max(x + 3, 0), 6)/6.</summary>
    public static Tensor HardSigmoid(Tensor x) => UnaryOps.Apply<HardSigmoid>(x);

    /// <summary>x·σ(x).</summary>
    public static Tensor Silu(Tensor x) => UnaryOps.Apply<Silu>(x);

    /// <summary>ln(1 + eˣ).</summary>
    public static Tensor Softplus(Tensor x) => UnaryOps.Apply<Softplus>(x);

    /// <summary>Gaussian error linear unit. <paramref name="approximate"/> selects the tanh form.</summary>
    public static Tensor Gelu(Tensor x, bool approximate = false) =>
        approximate ? UnaryOps.Apply<GeluTanh>(x) : UnaryOps.Apply<GeluErf>(x);

    /// <summary>x·σ(1.702x).</summary>
    public static Tensor QuickGelu(Tensor x) => UnaryOps.Apply<QuickGelu>(x);

    /// <summary>min(max(x, low), high).</summary>
    public static Tensor Clamp(Tensor x, double low = double.NegativeInfinity, double high = double.PositiveInfinity) =>
        UnaryOps.Apply<Clamp>(x, low, high);

    /// <summary>Elementwise larger, with broadcasting.</summary>
    public static Tensor Maximum(Tensor a, Tensor b) => BinaryOps.Apply<Maximum>(a, b);

    /// <summary>Elementwise smaller, with broadcasting.</summary>
    public static Tensor Minimum(Tensor a, Tensor b) => BinaryOps.Apply<Minimum>(a, b);

    /// <summary>Elements of <paramref name="a"/> where <paramref name="condition"/> (bool) holds, else of <paramref name="b"/>; all broadcast.</summary>
    public static Tensor Where(Tensor condition, Tensor a, Tensor b)
    {
        Check.SameFloat("where", a, b);
        Check.OnDevice("where", condition, a);
        if (condition.DType != DType.Bool) { throw new DTypeException($"where: the condition is {condition.DType.Name()}, expected bool"); }
        var mask = condition.To(a.DType);
        var shape = Shape.Broadcast(Shape.Broadcast(a.Shape, b.Shape, "where"), condition.Shape, "where");
        var y = Tensor.EmptyLike(a, shape);
        Map.Run<SelectMap>("where", y, mask, a, b);
        return Tape.Record(y, new WhereGrad(mask, a.Shape, b.Shape), a, b);
    }

    /// <summary>Elements replaced by <paramref name="value"/> where <paramref name="mask"/> holds.</summary>
    public static Tensor MaskedFill(Tensor x, Tensor mask, double value) => Where(mask, Tensor.Full([], value, x.DType, x.Device), x);

    private sealed class WhereGrad : GradFn
    {
        private readonly SavedTensor _mask;
        private readonly Shape _a, _b;

        public WhereGrad(Tensor mask, Shape a, Shape b)
        {
            _mask = Save(mask);
            (_a, _b) = (a, b);
        }

        public override string Name => "where";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var zero = Tensor.Zeros([], dy.DType, dy.Device);
            return [Needs(0) ? Pick(dy, zero, _a) : null, Needs(1) ? Pick(zero, dy, _b) : null];
        }

        private Tensor Pick(Tensor a, Tensor b, Shape shape)
        {
            var dx = Tensor.EmptyLike(a, a.Rank >= b.Rank ? a.Shape : b.Shape);
            Map.Run<SelectMap>(Name, dx, _mask.Value, a, b);
            return SumTo(dx, shape);
        }
    }
}
