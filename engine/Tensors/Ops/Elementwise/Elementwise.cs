using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Applies unary formulas and records their backward.</summary>
public static class UnaryOps
{
    /// <summary>y = f(x; p, q). A strided x is read in place.</summary>
    public static Tensor Apply<TOp>(Tensor x, double p = 0, double q = 0) where TOp : struct, IUnaryOp
    {
        Check.SameFloat(TOp.Name, x);
        var y = Tensor.EmptyLike(x);
        Map.Run<UnaryForward<TOp>>(TOp.Name, y, x, p: p, q: q);
        return Tape.Record(y, new Grad<TOp>(x, y, p, q), x);
    }

    private sealed class Grad<TOp> : GradFn where TOp : struct, IUnaryOp
    {
        private readonly SavedTensor _saved;
        private readonly double _p, _q;

        public Grad(Tensor x, Tensor y, double p, double q)
        {
            _saved = Save(TOp.BackwardNeeds == Tensors.Needs.Nothing ? null : TOp.BackwardNeeds == Tensors.Needs.Input ? x : y);
            (_p, _q) = (p, q);
        }

        public override string Name => TOp.Name;

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var dx = Tensor.EmptyLike(dy);
            Map.Run<UnaryBackward<TOp>>(Name, dx, dy, _saved.OrNull, p: _p, q: _q);
            return [dx];
        }
    }
}

/// <summary>Applies binary formulas with NumPy broadcasting and records their backward.</summary>
public static class BinaryOps
{
    /// <summary>y = f(a, b).</summary>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public static Tensor Apply<TOp>(Tensor a, Tensor b) where TOp : struct, IBinaryOp
    {
        Check.SameFloat(TOp.Name, a, b);
        var y = Tensor.EmptyLike(a, Shape.Broadcast(a.Shape, b.Shape, TOp.Name));
        Into<TOp>(y, a, b);
        return Tape.Record(y, new Grad<TOp>(a, b), a, b);
    }

    /// <summary>y ← f(a, b); y may be a or b. Not recorded.</summary>
    internal static void Into<TOp>(Tensor y, Tensor a, Tensor b) where TOp : struct, IBinaryOp =>
        Map.Run<BinaryForward<TOp>>(TOp.Name, y, a, b);

    private sealed class Grad<TOp> : GradFn where TOp : struct, IBinaryOp
    {
        private readonly SavedTensor _a, _b;
        private readonly Shape _shapeA, _shapeB;

        public Grad(Tensor a, Tensor b)
        {
            (_shapeA, _shapeB) = (a.Shape, b.Shape);
            _a = Save(TOp.IsLinear ? null : a);
            _b = Save(TOp.IsLinear ? null : b);
        }

        public override string Name => TOp.Name;

        protected internal override Tensor?[] Backward(Tensor dy) =>
        [
            Needs(0) ? F.SumTo(Slope<BinaryBackwardA<TOp>>(dy, isMinus: false), _shapeA) : null,
            Needs(1) ? F.SumTo(Slope<BinaryBackwardB<TOp>>(dy, isMinus: typeof(TOp) == typeof(Sub)), _shapeB) : null,
        ];

        private Tensor Slope<TMap>(Tensor dy, bool isMinus) where TMap : struct, IMap
        {
            if (TOp.IsLinear) { return isMinus ? -dy : dy; }
            var slope = Tensor.EmptyLike(dy);
            Map.Run<TMap>(Name, slope, dy, _a.Value, _b.Value);
            return slope;
        }
    }
}
