using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>The unified contrastive loss against equations 1–3 of the paper, term by term.</summary>
public sealed class ContrastiveLossCases : IOpCases
{
    private static readonly double[] Cosines = [.9, .2, .1, -.3, .3, .8, 0, .1, .7, .1, .6, .2, -.2, 0, .3, .5];
    private static readonly double[] Identity = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases =>
    [
        Row("one pair", 1, 6, 1, [3]),
        Row("all same", 9, 5, 1, Enumerable.Repeat(4.0, 9)),
        Row("all distinct", 12, 7, 1, Enumerable.Range(0, 12).Select(i => 100.0 - i)),
        Row("mixed", 33, 17, 2.6592600, Enumerable.Range(0, 33).Select(i => (double)(i * i % 5))),
        Row("past a vector", 67, 3, 0.5, Enumerable.Range(0, 67).Select(i => (double)(i * 7 % 23))),
        Row("past a panel, largest scale", 131, 11, Math.Log(100),
            Enumerable.Range(0, 131).Select(i => (double)(i * 5 % 19))) with
        {
            IsForSimulator = false, Tolerance32 = 2e-5,
        },
        Row("past a group", 261, 2, 1, Enumerable.Range(0, 261).Select(i => (double)(i / 2))) with { IsForSimulator = false },
        // Without normalisation, s = u·vᵀ is far from bounded: the sums must follow the largest element.
        new("ContrastiveLoss", "long vectors, not normalised", x => F.ContrastiveLoss(x[0], x[1], x[2], x[3], normalize: false),
            x => new Nd([Loss(x[0], x[1], x[2].Data[0], x[3], normalize: false)], []),
            new In([5, 3], -6, 6), new In([5, 3], -6, 6), new In([], 1.5, 2), In.Ids([5], 0, 1, 0, 2, 1)) { Tolerance32 = 1e-5 },
        new("ContrastiveLoss", "one tower trained", x => F.ContrastiveLoss(x[0], x[1], x[2], x[3]),
            x => new Nd([Loss(x[0], x[1], x[2].Data[0], x[3], normalize: true)], []),
            In.Constant([6, 3]), new In([6, 3]), In.Constant([], 1, 2), In.Ids([6], 0, 1, 0, 2, 1, 3)) { Tolerance32 = 5e-6 },
        // The worked example: cosines given, τ = 10, labels (7, 3, 7, 5); L' is the printed number, not our oracle's.
        Example("worked example", 1.089899499, 7, 3, 7, 5), Example("worked example, all distinct", 0.214899499, 1, 2, 3, 4),
    ];

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        Error("shapes", "v is [4, 3], expected [4, 2]", d => Call(d, [4, 2], [4, 3], [], [4])),
        Error("rank", "expected [B, D]", d => Call(d, [4], [4], [], [4])),
        Error("empty", "at least one pair", d => Call(d, [0, 2], [0, 2], [], [0])),
        Error("scale", "logitScale is [1], expected []", d => Call(d, [4, 2], [4, 2], [1], [4])),
        Error("labels", "labels is [3], expected [4]", d => Call(d, [4, 2], [4, 2], [], [3])),
        Error("float labels", "expected integers", d =>
            F.ContrastiveLoss(Ones(d, [4, 2]), Ones(d, [4, 2]), Ones(d, []), Ones(d, [4]))),
    ];

    private static OpCase Row(string label, int pairs, int width, double logScale, IEnumerable<double> labels) =>
        new("ContrastiveLoss", label, x => F.ContrastiveLoss(x[0], x[1], x[2], x[3]),
            x => new Nd([Loss(x[0], x[1], x[2].Data[0], x[3], normalize: true)], []),
            new In([pairs, width]), new In([pairs, width]), new In([], Fixed: [logScale]), In.Ids([pairs], [.. labels]))
        {
            Tolerance32 = 5e-6,
        };

    private static OpCase Example(string label, double expected, params double[] labels) => new("ContrastiveLoss", label,
        x => F.ContrastiveLoss(x[0], x[1], x[2], x[3], normalize: false), _ => new Nd([expected], []),
        new In([4, 4], Fixed: Cosines), new In([4, 4], Fixed: Identity), new In([], Fixed: [Math.Log(10)]), In.Ids([4], labels))
    {
        Tolerance64 = 5e-9, // as printed
        Tolerance32 = 1e-5, // p + r − 2T cancels where p is near 1
    };

    // (L_i2t + L_t2i)/(2B), straight from the formulas.
    private static double Loss(Nd u, Nd v, double logScale, Nd labels, bool normalize)
    {
        int b = u.Shape[0], d = u.Shape[1];
        double Length(Nd x, int i) => normalize ? Math.Sqrt(Enumerable.Range(0, d).Sum(c => x[i, c] * x[i, c])) : 1;
        var s = Nd.From([b, b], at => Math.Exp(logScale) / (Length(u, at[0]) * Length(v, at[1]))
            * Enumerable.Range(0, d).Sum(c => u[at[0], c] * v[at[1], c]));
        double sum = 0;
        for (var i = 0; i < b; i++)
        {
            int[] positives = [.. Enumerable.Range(0, b).Where(k => labels.Data[k] == labels.Data[i])];
            double rows = LogSum(b, j => s[i, j]), columns = LogSum(b, j => s[j, i]);
            sum -= positives.Sum(k => s[i, k] - rows + s[k, i] - columns) / positives.Length;
        }

        return sum / (2 * b);
    }

    private static double LogSum(int n, Func<int, double> term)
    {
        var max = Enumerable.Range(0, n).Max(term);
        return max + Math.Log(Enumerable.Range(0, n).Sum(j => Math.Exp(term(j) - max)));
    }

    private static ErrorCase Error(string label, string says, Action<Device> call) => new("ContrastiveLoss", label, call, says);

    private static void Call(Device d, int[] u, int[] v, int[] scale, int[] labels) =>
        F.ContrastiveLoss(Ones(d, u), Ones(d, v), Ones(d, scale), Tensor.Zeros(labels, DType.I64, d));

    private static Tensor Ones(Device d, int[] shape) => Tensor.Ones(shape, DType.F32, d);
}
