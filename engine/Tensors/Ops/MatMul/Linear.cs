using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Functions that fuse into a matrix product.</summary>
public enum Activation
{
    /// <summary>z.</summary>
    None,

    /// <summary>z·Φ(z).</summary>
    GeluErf,

    /// <summary>The tanh approximation of z·Φ(z).</summary>
    GeluTanh,

    /// <summary>z·σ(1.702z).</summary>
    QuickGelu,
}

public static partial class F
{
    /// <summary>y = act(x·Wᵀ + b), bias and activation fused into the product.</summary>
    /// <param name="x">[..., in]</param> <param name="weight">[out, in]</param> <param name="bias">[out], or null.</param>
    /// <param name="activation">Applied to the product and bias.</param>
    /// <exception cref="ShapeException">The sizes do not fit.</exception>
    public static Tensor Linear(Tensor x, Tensor weight, Tensor? bias = null, Activation activation = Activation.None)
    {
        Check.SameFloat("linear", x, weight);
        Check.HasRank("linear", "weight", weight, 2, "[out, in]");
        Check.That(x.Rank > 0 && x.Shape[^1] == weight.Shape[1], $"linear: x is {x.Shape} (last axis in), weight is {weight.Shape} ([out, in])");
        if (bias is not null)
        {
            Check.SameFloat("linear", x, bias);
            Check.HasShape("linear", "bias", bias, [weight.Shape[0]]);
        }

        var rows = Rows(x);
        var bias1 = bias is null || bias.IsContiguous ? bias : bias.Detach().Contiguous();
        var y = Tensor.EmptyLike(x, [rows.Shape[0], weight.Shape[0]]);
        var keepsZ = activation != Activation.None && Tape.Records(x, weight, bias);
        var z = keepsZ ? Tensor.EmptyLike(y) : null;
        if (y.Count > 0) { Kernel.Run(y, new GemmLaunch(y, rows, Transposed(weight), bias1, activation, z)); }
        var shaped = y.Reshape(x.Shape.With(x.Rank - 1, weight.Shape[0]));
        return Tape.Record(shaped, new LinearGrad(rows, weight, z, activation, x.Shape), x, weight, bias);
    }

    private static Tensor Rows(Tensor x)
    {
        using var noGrad = GradMode.NoGrad();
        return x.Reshape(x.Shape.Length == 1 ? 1 : checked((int)(x.Count / System.Math.Max(1, x.Shape[^1]))), x.Shape[^1]);
    }

    private static Tensor Transposed(Tensor t)
    {
        using var noGrad = GradMode.NoGrad();
        return t.T();
    }

    private sealed class LinearGrad : GradFn
    {
        private readonly SavedTensor _x, _weight, _z;
        private readonly Activation _activation;
        private readonly Shape _shape;

        public LinearGrad(Tensor x, Tensor weight, Tensor? z, Activation activation, Shape shape)
        {
            (_x, _weight, _z) = (Save(x), Save(weight), Save(z));
            (_activation, _shape) = (activation, shape);
        }

        public override string Name => "linear";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var rows = dy.Reshape(-1, dy.Shape[^1]);
            rows = rows.IsContiguous ? rows : rows.Clone();
            return dy.Device is GpuDevice || dy.Count == 0 ? InPasses(rows) : InChunks(rows);
        }

        private Tensor?[] InPasses(Tensor dy)
        {
            var dz = Slope(dy);
            return
            [
                Needs(0) ? Product(dz, _weight.Value).Reshape(_shape) : null,
                Needs(1) ? Product(dz.T(), _x.Value) : null,
                Needs(2) ? Biases(dz) : null,
            ];
        }

        private static Tensor Biases(Tensor dz) => dz.Device is GpuDevice ? ColumnSums.Of(dz) : SumTo(dz, [dz.Shape[1]]);

        private Tensor?[] InChunks(Tensor dy)
        {
            var dx = Needs(0) ? Tensor.EmptyLike(_x.Value) : null;
            var dw = Needs(1) ? Tensor.EmptyLike(_weight.Value) : null;
            var db = Needs(2) ? Tensor.EmptyLike(dy, [dy.Shape[1]]) : null;
            LinearBackward.Run(_activation, dy, _z.OrNull, _x, _weight, (dx, dw, db));
            return [dx?.Reshape(_shape), dw, db];
        }

        private Tensor Slope(Tensor dy)
        {
            if (_activation == Activation.None) { return dy; }
            var dz = Tensor.EmptyLike(dy);
            switch (_activation)
            {
                case Activation.GeluErf: Map.Run<UnaryBackward<GeluErf>>(Name, dz, dy, _z.Value); break;
                case Activation.GeluTanh: Map.Run<UnaryBackward<GeluTanh>>(Name, dz, dy, _z.Value); break;
                default: Map.Run<UnaryBackward<QuickGelu>>(Name, dz, dy, _z.Value); break;
            }

            return dz;
        }
    }
}
