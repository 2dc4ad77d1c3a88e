using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Extremes and their indices, comparisons.</summary>
public sealed class ExtremeCases : IOpCases
{
    private const double NaN = double.NaN;

    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases => Reductions().Concat(Indices()).Concat(Comparisons());

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("Amax", "empty", d => F.Amax(Tensor.Ones([2, 0], DType.F32, d), [1]), "axis 1 of [2, 0] is empty"),
        new("ArgMax", "empty", d => F.ArgMax(Tensor.Ones([2, 0], DType.F32, d)), "is empty"),
        new("ArgMax", "axis", d => F.ArgMax(Tensor.Ones([2, 3], DType.F32, d), 2), "axis 2 does not exist"),
        new("ArgMax", "gradient", d => Differentiate(F.ArgMax, d), "argmax has no gradient; its result is an index"),
        new("ArgMin", "gradient", d => Differentiate(F.ArgMin, d), "argmin has no gradient"),
        new("Equal", "shapes", d => F.Equal(Tensor.Ones([2], DType.F32, d), Tensor.Ones([3], DType.F32, d)), "do not broadcast"),
    ];

    private static void Differentiate(Func<Tensor, int, bool, Tensor> f, Device device)
    {
        var x = Tensor.Ones([2, 3], DType.F32, device);
        x.RequiresGrad = true;
        F.Sum(f(x, -1, false).To(DType.F32) + F.Sum(x)).Backward();
    }

    private static Nd Fold(Nd x, int[] axes, bool keepDim, Func<IEnumerable<double>, double> f)
    {
        int[] all = axes.Length == 0 ? [.. Enumerable.Range(0, x.Shape.Length)] : [.. axes.Select(a => a < 0 ? a + x.Shape.Length : a)];
        int[] shape = [.. x.Shape];
        var y = Nd.From(SoftmaxCases.ReduceOpShape(shape, all, keepDim: true), i => f(Nd.Indices(x.Shape)
            .Where(j => Enumerable.Range(0, j.Length).All(a => all.Contains(a) || i[a] == j[a])).Select(j => x[j])));
        return new Nd(y.Data, SoftmaxCases.ReduceOpShape(shape, all, keepDim));
    }

    private static IEnumerable<OpCase> Reductions()
    {
        OpCase[] Rows(string op, Reduction4 f, Func<IEnumerable<double>, double> g)
        {
            OpCase Row(string label, int[] shape, int[] axes, bool keepDim = false, double[]? values = null) => new(op, label, x => f(x[0], axes, keepDim),
                x => Fold(x[0], axes, keepDim, g), new In(shape, Fixed: values));
            return
            [
                Row("last", [3, 5, 7], [-1]), Row("middle", [3, 5, 7], [1], true), Row("apart", [3, 5, 4], [0, 2]), Row("all", [3, 11], []),
                Row("past a group", [2, 257], [1]), Row("columns", [257, 3], [0]), Row("no rows", [0, 3], [1]),
                Row("NaN", [3, 3], [1], false, [1, NaN, 2, NaN, 1, 2, 3, 1, NaN]) with { IsDifferentiable = false },
                Row("infinite", [2, 3], [1], false, [double.NegativeInfinity, double.NegativeInfinity, double.NegativeInfinity, 1, double.PositiveInfinity, 2]) with { IsDifferentiable = false },
            ];
        }

        double Max(IEnumerable<double> v) => v.Aggregate(double.NegativeInfinity, Math.Max);
        double Min(IEnumerable<double> v) => v.Aggregate(double.PositiveInfinity, Math.Min);
        return
        [
            .. Rows("Amax", F.Amax, Max), .. Rows("Amin", F.Amin, Min), .. Rows("Max", F.Max, Max).Take(2), .. Rows("Min", F.Min, Min).Take(2),
            new("Amax", "ties share", x => Slope(x[0], v => F.Amax(v, [1])), x => new Nd([0.5, 0, 0.5, 0, 1, 0], [2, 3]),
                new In([2, 3], Kind: InKind.Constant, Fixed: [3, 1, 3, 0, 2, 1])) { IsDifferentiable = false },
        ];
    }

    private delegate Tensor Reduction4(Tensor x, ReadOnlySpan<int> axes, bool keepDim);

    // Gradient of the sum of f(x): what central differences can not show at a kink. On a thread of its own, where recording is on although the
    // runner may have switched it off.
    internal static Tensor Slope(Tensor x, Func<Tensor, Tensor> f)
    {
        var slope = System.Threading.Tasks.Task.Factory.StartNew(() =>
        {
            using var scope = TensorScope.Begin();
            var leaf = x.Detach();
            leaf.RequiresGrad = true;
            F.Sum(f(leaf)).Backward();
            var values = leaf.Grad!.To(DType.F64).ToArray<double>();
            leaf.ZeroGrad();
            return values;
        }, System.Threading.CancellationToken.None, System.Threading.Tasks.TaskCreationOptions.LongRunning, System.Threading.Tasks.TaskScheduler.Default);
        return Tensor.FromDoubles(slope.GetAwaiter().GetResult(), x.Shape, x.DType, x.Device);
    }

    private static IEnumerable<OpCase> Indices()
    {
        int First(double[] v, Func<double, double, bool> isBetter)
        {
            var best = 0;
            for (var i = 1; i < v.Length; i++) { best = !double.IsNaN(v[best]) && (double.IsNaN(v[i]) || isBetter(v[i], v[best])) ? i : best; }
            return best;
        }

        OpCase[] Rows(string op, Func<Tensor, int, bool, Tensor> f, Func<double, double, bool> isBetter)
        {
            OpCase Row(string label, int[] shape, int axis, bool keepDim = false, double[]? values = null) => new(op, label, x => f(x[0], axis, keepDim),
                x => Fold(x[0], [axis], keepDim, v => First([.. v], isBetter)), new In(shape, Kind: InKind.Constant, Fixed: values))
            { IsDifferentiable = false };
            return
            [
                Row("last", [3, 5, 7], -1), Row("middle", [3, 5, 7], 1, true), Row("first", [4, 3], 0), Row("past a group", [3, 257], 1), Row("past two groups", [2, 519], 1),
                Row("ties", [3, 5], 1, false, [1, 3, 3, 0, 3, 2, 2, 2, 2, 2, 0, -1, -1, 0, -1]), Row("NaN", [2, 4], 1, false, [1, NaN, 9, NaN, 5, 4, 3, NaN]), Row("no rows", [0, 3], 1),
            ];
        }

        OpCase Values(string label, int[] shape, int axis, bool keepDim) => new("MaxWithIndices", label, x => F.MaxWithIndices(x[0], axis, keepDim).Values,
            x => Fold(x[0], [axis], keepDim, v => v.Max()), new In(shape));
        return
        [
            .. Rows("ArgMax", F.ArgMax, (a, b) => a > b), .. Rows("ArgMin", F.ArgMin, (a, b) => a < b),
            .. Rows("MaxWithIndices", (x, axis, keepDim) => F.MaxWithIndices(x, axis, keepDim).Indices, (a, b) => a > b).Take(2),
            Values("values last", [3, 5, 7], -1, false), Values("values middle", [3, 5, 7], 1, true), Values("values past a group", [3, 257], 1, false),
            new("MinWithIndices", "values", x => F.MinWithIndices(x[0], 0).Values, x => Fold(x[0], [0], false, v => v.Min()), new In([5, 3])),
            new("MaxWithIndices", "first of ties", x => Slope(x[0], v => F.MaxWithIndices(v, 1).Values), x => new Nd([1, 0, 0, 0, 1, 0], [2, 3]),
                new In([2, 3], Kind: InKind.Constant, Fixed: [3, 1, 3, 0, 2, 1])) { IsDifferentiable = false },
        ];
    }

    private static IEnumerable<OpCase> Comparisons()
    {
        OpCase[] Rows(string op, Func<Tensor, Tensor, Tensor> f, Func<Tensor, double, Tensor> constant, Func<double, double, bool> g) =>
        [
            new(op, "broadcast", x => f(x[0], x[1]), x => Nd.From([3, 7], i => g(x[0].Broadcast(i), x[1].Broadcast(i)) ? 1 : 0),
                In.Constant([3, 1]), new In([7], Kind: InKind.Constant, Fixed: [0, 0.5, -0.5, 0.25, NaN, 1, -1])) { IsDifferentiable = false },
            new(op, "ids", x => f(x[0], x[1]), x => Nd.From([5, 9], i => g(x[0][i], x[1].Broadcast(i)) ? 1 : 0), In.Ids([5, 9], 3), In.Ids([9], 3)) { IsDifferentiable = false },
            new(op, "constant", x => constant(x[0], 1.5), x => x[0].Map(v => g(v, 1.5) ? 1 : 0), In.Ids([33], 4)) { IsDifferentiable = false },
            new(op, "float constant", x => constant(x[0], 0.5), x => x[0].Map(v => g(v, 0.5) ? 1 : 0), new In([4], Kind: InKind.Constant, Fixed: [0.5, 1, 0, NaN])) { IsDifferentiable = false },
        ];
        return [.. Rows("Equal", F.Equal, F.Equal, (a, b) => a == b), .. Rows("Greater", F.Greater, F.Greater, (a, b) => a > b), .. Rows("Less", F.Less, F.Less, (a, b) => a < b)];
    }
}
