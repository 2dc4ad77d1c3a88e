using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Softmax, its logarithm and the log of a sum of exponentials.</summary>
public sealed class SoftmaxCases : IOpCases
{
    private const double Low = double.NegativeInfinity;

    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases =>
        Rows("Softmax", F.Softmax, (v, lse) => double.IsNegativeInfinity(v) ? 0 : Math.Exp(v - lse))
            .Concat(Rows("LogSoftmax", F.LogSoftmax, (v, lse) => double.IsNegativeInfinity(v) ? Low : v - lse)).Concat(Sums());

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("Softmax", "axis", d => F.Softmax(Tensor.Ones([2, 3], DType.F32, d), 2), "axis 2 does not exist"),
        new("LogSoftmax", "integers", d => F.LogSoftmax(Tensor.Ones([2, 3], DType.I64, d)), "i64 is not computed in"),
        new("LogSumExp", "axis", d => F.LogSumExp(Tensor.Ones([2, 3], DType.F32, d), [-3]), "axis -3 does not exist"),
    ];

    private static IEnumerable<OpCase> Rows(string op, Func<Tensor, int, Tensor> f, Func<double, double, double> value)
    {
        OpCase Row(string label, int[] shape, int axis, double low = -3, double high = 3, double[]? values = null) => new(op, label, x => f(x[0], axis),
            x =>
            {
                var a = axis < 0 ? axis + shape.Length : axis;
                return Nd.From(shape, i => value(x[0][i], Along(x[0], i, a)));
            }, new In(shape, low, high, Fixed: values))
        { Tolerance32 = 5e-6 };
        return
        [
            Row("last", [3, 5, 7], -1), Row("middle", [3, 5, 7], 1), Row("first", [4, 3, 2], 0), Row("past a group", [3, 257], 1), Row("vector", [33], 0),
            Row("one", [4, 1], 1), Row("large", [2, 5], 1, 900, 1100) with { Tolerance32 = 1e-3, Tolerance64 = 1e-10, IsDifferentiable = false }, Row("empty", [0, 3], 1),
            Row("masked", [2, 4], 1, values: [1, Low, 2, Low, Low, Low, 0.5, -1]) with { IsDifferentiable = false },
            Row("all masked", [2, 3], 1, values: [Low, Low, Low, 1, 2, 3]) with { IsDifferentiable = false }, Row("wide", [2, 1000], 1),
        ];
    }

    private static double Along(Nd x, int[] index, int axis)
    {
        var j = (int[])index.Clone();
        return LogSum(Enumerable.Range(0, x.Shape[axis]).Select(k =>
        {
            j[axis] = k;
            return x[j];
        }));
    }

    internal static double LogSum(IEnumerable<double> values)
    {
        var all = values.ToArray();
        var max = all.DefaultIfEmpty(Low).Max();
        return double.IsNegativeInfinity(max) ? Low : max + Math.Log(all.Sum(v => Math.Exp(v - max)));
    }

    private static IEnumerable<OpCase> Sums()
    {
        OpCase Row(string label, int[] shape, int[] axes, bool keepDim = false, double[]? values = null) => new("LogSumExp", label, x => F.LogSumExp(x[0], axes, keepDim),
            x =>
            {
                int[] all = axes.Length == 0 ? [.. Enumerable.Range(0, shape.Length)] : [.. axes.Select(a => a < 0 ? a + shape.Length : a)];
                var y = Nd.From(ReduceOpShape(shape, all, keepDim: true), i => LogSum(Nd.Indices(shape).Where(j => all.Length == 0 || j.Select((v, a) => all.Contains(a) ? 0 : v)
                    .SequenceEqual(i)).Select(j => x[0][j])));
                return new Nd(y.Data, ReduceOpShape(shape, all, keepDim));
            }, new In(shape, -3, 3, Fixed: values))
        { Tolerance32 = 5e-6 };
        return
        [
            Row("last", [3, 5, 7], [-1]), Row("middle", [3, 5, 7], [1], true), Row("apart", [3, 5, 4], [0, 2]), Row("all", [3, 11], []), Row("past a group", [2, 257], [1]),
            Row("empty", [2, 0], [1]), Row("masked", [2, 3], [1], false, [Low, Low, Low, 1, Low, 3]) with { IsDifferentiable = false },
        ];
    }

    internal static Shape ReduceOpShape(int[] shape, int[] axes, bool keepDim) => keepDim
        ? [.. shape.Select((s, a) => axes.Contains(a) ? 1 : s)] : [.. shape.Where((_, a) => !axes.Contains(a))];
}
