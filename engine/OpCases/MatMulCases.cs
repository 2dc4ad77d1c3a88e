using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Matrix products and linear layers.</summary>
public sealed class MatMulCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases =>
    [
        Row("plain", [3, 5], [5, 7]), Row("past a tile", [33, 65], [65, 49]), Row("batched", [2, 3, 5], [2, 5, 4]), Row("shared right", [2, 3, 5], [5, 4]),
        Row("shared left", [3, 5], [2, 5, 4]), Row("broadcast", [2, 1, 3, 5], [4, 5, 2]), Row("empty", [0, 5], [5, 3]), Row("no inner", [2, 0], [0, 3]),
        Big("past a step", [65, 129], [129, 67]), Big("even", [68, 36], [36, 72]), Row("one row", [1, 70], [70, 90]), Row("one column", [90, 70], [70, 1]),
        Row("one inner", [33, 1], [1, 35]), Row("batched tiles", [3, 1, 20, 17], [2, 17, 24]), Row("even batches", [2, 20, 12], [2, 12, 24]),
        .. Transposed(),
        Big("split", [33, 1030], [1030, 35]), Big("split even batches", [2, 20, 1040], [2, 1040, 24]),
        new("MatMul", "transposed", x => F.MatMul(x[0].T(), x[1].T()), x => Product(T(x[0]), T(x[1])), new In([5, 3]), new In([7, 5])) { Tolerance32 = 3e-6 },
        new("MatMul", "heads", x => F.MatMul(x[0].Permute(0, 2, 1, 3), x[1].Permute(0, 2, 3, 1)), x => Heads(x[0], x[1]), new In([2, 5, 3, 4]), new In([2, 6, 3, 4])) { Tolerance32 = 3e-6 },
        new("MatMul", "vector right", x => F.MatMul(x[0], x[1]), x => new Nd(Product(x[0], new Nd(x[1].Data, [5, 1])).Data, [3]), new In([3, 5]), new In([5])),
        new("MatMul", "vector left", x => F.MatMul(x[0], x[1]), x => new Nd(Product(new Nd(x[0].Data, [1, 5]), x[1]).Data, [7]), new In([5]), new In([5, 7])),
        Linear("plain", [3, 5], 7, Activation.None, true), Linear("no bias", [2, 3, 5], 4, Activation.None, false), Linear("gelu", [2, 9, 5], 33, Activation.GeluErf, true),
        Linear("gelu tanh", [7, 5], 3, Activation.GeluTanh, true), Linear("quick gelu", [7, 5], 3, Activation.QuickGelu, true), Linear("empty", [0, 5], 3, Activation.GeluErf, true),
        Linear("vector", [5], 3, Activation.None, true), Linear("tiles", [2, 17, 20], 36, Activation.GeluErf, true),
        Linear("tiles gelu tanh", [33, 20], 36, Activation.GeluTanh, true), Linear("tiles quick gelu", [33, 19], 35, Activation.QuickGelu, false),
        Linear("split rows", [1100, 18], 20, Activation.QuickGelu, true) with { IsForSimulator = false },
        Linear("split inner", [18, 1100], 20, Activation.GeluErf, true) with { IsForSimulator = false },
    ];

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("MatMul", "inner", d => F.MatMul(Tensor.Ones([2, 3], DType.F32, d), Tensor.Ones([4, 5], DType.F32, d)), "inner sizes differ"),
        new("Linear", "width", d => F.Linear(Tensor.Ones([2, 3], DType.F32, d), Tensor.Ones([5, 4], DType.F32, d)), "weight is [5, 4]"),
        new("Linear", "bias", d => F.Linear(Tensor.Ones([2, 4], DType.F32, d), Tensor.Ones([5, 4], DType.F32, d), Tensor.Ones([4], DType.F32, d)), "expected [5]"),
    ];

    internal static Nd Product(Nd a, Nd b)
    {
        var batch = Shape.Broadcast(a.Shape[..^2], b.Shape[..^2], "oracle");
        return Nd.From(batch.Append(a.Shape[^2], b.Shape[^1]), i =>
            Enumerable.Range(0, a.Shape[^1]).Sum(k => a.Broadcast([.. i[..^1], k]) * b.Broadcast([.. i[..^2], k, i[^1]])));
    }

    private static Nd T(Nd a) => Nd.From([a.Shape[1], a.Shape[0]], i => a[i[1], i[0]]);

    private static Nd Heads(Nd q, Nd k) => Nd.From([2, 3, 5, 6], i => Enumerable.Range(0, 4).Sum(d => q[i[0], i[2], i[1], d] * k[i[0], i[3], i[1], d]));

    private static OpCase Row(string label, int[] a, int[] b) =>
        new("MatMul", label, x => F.MatMul(x[0], x[1]), x => Product(x[0], x[1]), new In(a), new In(b)) { Tolerance32 = 3e-6 };

    // Many barriers are no work for 16 simulated lanes.
    private static OpCase Big(string label, int[] a, int[] b) => Row(label, a, b) with { IsForSimulator = false };

    private static IEnumerable<OpCase> Transposed()
    {
        foreach (var (m, k, n) in new[] { (33, 19, 35), (36, 20, 40) })
        {
            var size = $"{m}x{k}x{n}";
            yield return Turned("left", x => F.MatMul(x[0].T(), x[1]), x => Product(T(x[0]), x[1]), new In([k, m]), new In([k, n]));
            yield return Turned("right", x => F.MatMul(x[0], x[1].T()), x => Product(x[0], T(x[1])), new In([m, k]), new In([n, k]));
            yield return Turned("both", x => F.MatMul(x[0].T(), x[1].T()), x => Product(T(x[0]), T(x[1])), new In([k, m]), new In([n, k]));

            OpCase Turned(string label, Func<Tensor[], Tensor> run, Func<Nd[], Nd> oracle, In a, In b) =>
                new("MatMul", $"transposed {label} {size}", run, oracle, a, b) { Tolerance32 = 3e-6 };
        }
    }

    private static OpCase Linear(string label, int[] x, int outputs, Activation activation, bool hasBias)
    {
        In[] inputs = [new In(x), new In([outputs, x[^1]]), .. hasBias ? new[] { new In([outputs]) } : []];
        return new OpCase("Linear", label, t => F.Linear(t[0], t[1], hasBias ? t[2] : null, activation), t =>
        {
            var rows = new Nd(t[0].Data, [(int)(t[0].Data.Length / x[^1]), x[^1]]);
            var z = Product(rows, T(t[1]));
            var y = Nd.From(z.Shape, i => Act(activation, z[i] + (hasBias ? t[2][i[1]] : 0)));
            return new Nd(y.Data, [.. x[..^1], outputs]);
        }, inputs)
        { Tolerance32 = 3e-6 };
    }

    private static double Act(Activation activation, double z) => activation switch
    {
        Activation.GeluErf => 0.5 * z * (1 + ElementwiseCases.Erf(z / Math.Sqrt(2))),
        Activation.GeluTanh => 0.5 * z * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (z + 0.044715 * z * z * z))),
        Activation.QuickGelu => z / (1 + Math.Exp(-1.702 * z)),
        _ => z,
    };
}
