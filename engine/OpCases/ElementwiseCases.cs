using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Unary and binary formulas, broadcasting, selection.</summary>
public sealed class ElementwiseCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases => Unary().Concat(Binary()).Concat(Selection());

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("Add", "shapes", d => _ = Tensor.Ones([2, 3], DType.F32, d) + Tensor.Ones([2, 4], DType.F32, d), "axis -1 is 3 and 4"),
        new("Add", "types", d => _ = Tensor.Ones([2], DType.F32, d) + Tensor.Ones([2], DType.F64, d), "element types differ"),
        new("Exp", "integers", d => F.Exp(Tensor.Ones([2], DType.I64, d)), "i64 is not computed in"),
        new("Where", "condition", d => F.Where(Tensor.Ones([2], DType.F32, d), Tensor.Ones([2], DType.F32, d), Tensor.Ones([2], DType.F32, d)), "expected bool"),
    ];

    private static IEnumerable<OpCase> Unary()
    {
        OpCase[] Rows(string op, Func<Tensor, Tensor> f, Func<double, double> g, double low = -3, double high = 3, double tolerance = 2e-6) =>
        [
            new(op, "odd", x => f(x[0]), x => x[0].Map(g), new In([3, 5, 7], low, high)) { Tolerance32 = tolerance },
            new(op, "past a group", x => f(x[0]), x => x[0].Map(g), new In([257], low, high)) { Tolerance32 = tolerance },
            new(op, "transposed", x => f(x[0].T()), x => Nd.From([5, 4], i => g(x[0][i[1], i[0]])), new In([4, 5], low, high)) { Tolerance32 = tolerance },
            new(op, "empty", x => f(x[0]), x => x[0].Map(g), new In([0, 3], low, high)),
        ];
        return
        [
            .. Rows("Abs", F.Abs, Math.Abs), .. Rows("Exp", F.Exp, Math.Exp), .. Rows("Log", F.Log, Math.Log, 0.1, 4),
            .. Rows("Log1P", F.Log1P, v => Math.Log(1 + v), -0.5, 4), new("Log1P", "tiny", x => F.Log1P(x[0]) * 1e7, x => x[0].Map(v => (v - v * v / 2) * 1e7), new In([5], -1e-7, 1e-7)), .. Rows("Sqrt", F.Sqrt, Math.Sqrt, 0.1, 4),
            .. Rows("Rsqrt", F.Rsqrt, v => 1 / Math.Sqrt(v), 0.1, 4), .. Rows("Reciprocal", F.Reciprocal, v => 1 / v, 0.3, 4),
            .. Rows("Square", F.Square, v => v * v), .. Rows("Sin", F.Sin, Math.Sin), .. Rows("Cos", F.Cos, Math.Cos),
            .. Rows("Tanh", F.Tanh, Math.Tanh), .. Rows("Sigmoid", F.Sigmoid, v => 1 / (1 + Math.Exp(-v))),
            .. Rows("Erf", F.Erf, Erf), .. Rows("Relu", F.Relu, v => Math.Max(v, 0)), .. Rows("Relu6", F.Relu6, v => Math.Clamp(v, 0, 6), -3, 9),
            .. Rows("HardSigmoid", F.HardSigmoid, v => Math.Clamp(v + 3, 0, 6) / 6, -5, 5),
            .. Rows("Silu", F.Silu, v => v / (1 + Math.Exp(-v))), .. Rows("Softplus", F.Softplus, v => Math.Log(1 + Math.Exp(v))),
            .. Rows("Gelu", x => F.Gelu(x), v => v * 0.5 * (1 + Erf(v / Math.Sqrt(2)))),
            .. Rows("Gelu", x => F.Gelu(x, approximate: true), v => 0.5 * v * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)))),
            .. Rows("QuickGelu", F.QuickGelu, v => v / (1 + Math.Exp(-1.702 * v))),
            .. Rows("Clamp", x => F.Clamp(x, -1, 0.75), v => Math.Clamp(v, -1, 0.75)),
            .. Rows("Pow", x => F.Pow(x, 1.7), v => Math.Pow(v, 1.7), 0.2, 3, 5e-6), .. Rows("Pow", x => F.Pow(x, 3), v => v * v * v),
        ];
    }

    private static IEnumerable<OpCase> Binary()
    {
        OpCase[] Rows(string op, Func<Tensor, Tensor, Tensor> f, Func<double, double, double> g, double low = 0.4, double high = 3)
        {
            OpCase Row(string label, int[] a, int[] b) => new(op, label, x => f(x[0], x[1]),
                x => Nd.From(Shape.Broadcast(a, b, op), i => g(x[0].Broadcast(i), x[1].Broadcast(i))), new In(a, low, high), new In(b, low, high))
            { Tolerance32 = 5e-6 };
            return
            [
                Row("same", [3, 5, 7], [3, 5, 7]), Row("row", [3, 5, 7], [7]), Row("column", [5, 7], [5, 1]), Row("both", [3, 1, 5], [4, 1]),
                Row("scalar", [2, 33], []), Row("empty", [0, 5], [5]),
            ];
        }

        return
        [
            .. Rows("Add", (a, b) => a + b, (a, b) => a + b), .. Rows("Sub", (a, b) => a - b, (a, b) => a - b),
            .. Rows("Mul", (a, b) => a * b, (a, b) => a * b), .. Rows("Div", (a, b) => a / b, (a, b) => a / b),
            .. Rows("Maximum", F.Maximum, Math.Max), .. Rows("Minimum", F.Minimum, Math.Min), .. Rows("Pow", F.Pow, Math.Pow),
            new("Add", "constants", x => (2.5 - x[0]) * 3 / 2 + 1 - 0.25 + 1 / x[0], x => x[0].Map(v => (2.5 - v) * 1.5 + 0.75 + 1 / v), new In([3, 5], 0.5, 2)),
        ];
    }

    private static IEnumerable<OpCase> Selection() =>
    [
        new("Where", "same", x => F.Where(x[0], x[1], x[2]), x => Nd.From([3, 5], i => x[0][i] != 0 ? x[1][i] : x[2][i]), In.Mask([3, 5]), new In([3, 5]), new In([3, 5])),
        new("Where", "broadcast", x => F.Where(x[0], x[1], x[2]), x => Nd.From([3, 5], i => x[0].Broadcast(i) != 0 ? x[1].Broadcast(i) : x[2].Broadcast(i)),
            In.Mask([5]), new In([3, 1]), new In([3, 5])),
        new("MaskedFill", "rows", x => F.MaskedFill(x[1], x[0], -4), x => Nd.From([3, 5], i => x[0].Broadcast(i) != 0 ? -4 : x[1][i]), In.Mask([3, 1]), new In([3, 5])),
    ];

    // Series and continued fraction: independent of the engine's polynomials.
    internal static double Erf(double x)
    {
        if (Math.Abs(x) > 3)
        {
            double a = Math.Abs(x), f = 0;
            for (var k = 120; k > 0; k--) { f = k / 2.0 / (a + f); }
            return Math.Sign(x) * (1 - Math.Exp(-a * a) / ((a + f) * Math.Sqrt(Math.PI)));
        }

        double sum = x, term = x;
        for (var n = 1; n < 120; n++)
        {
            term *= -x * x / n;
            sum += term / (2 * n + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * sum;
    }
}
