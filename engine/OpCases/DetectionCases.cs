using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Focal loss, box overlaps and non-maximum suppression.</summary>
public sealed class DetectionCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases => Focal().Concat(Overlaps()).Concat(Suppression());

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("SigmoidFocalLoss", "rank", d => F.SigmoidFocalLoss(Ones(d, 2), Ids(d, 0, 1)), "logits is [2], expected [N, C]"),
        new("SigmoidFocalLoss", "targets", d => F.SigmoidFocalLoss(Ones(d, 2, 3), Ids(d, 0, 1, 2)),
            "targets is [3], expected [2]"),
        new("SigmoidFocalLoss", "floats", d => F.SigmoidFocalLoss(Ones(d, 2, 3), Ones(d, 2)), "expected integers"),
        new("SigmoidFocalLoss", "label", d => F.SigmoidFocalLoss(Ones(d, 2, 3), Ids(d, 3, 4)),
            "target 4 at position 1 is outside [-1, 3]"),
        new("SigmoidFocalLoss", "alpha", d => F.SigmoidFocalLoss(Ones(d, 2, 3), Ids(d, 0, 1), alpha: 2), "alpha is 2"),
        new("SigmoidFocalLoss", "gamma", d => F.SigmoidFocalLoss(Ones(d, 2, 3), Ids(d, 0, 1), gamma: -1), "gamma is -1"),
        new("GeneralizedBoxIoU", "corners", d => F.GeneralizedBoxIoU(Ones(d, 2, 3), Ones(d, 2, 3)),
            "a is [2, 3], expected [N, 4]"),
        new("GeneralizedBoxIoU", "pairs", d => F.GeneralizedBoxIoU(Ones(d, 2, 4), Ones(d, 3, 4)), "b is [3, 4], expected [2, 4]"),
        new("BoxIoU", "corners", d => F.BoxIoU(Ones(d, 2, 4), Ones(d, 4)), "b is [4], expected [N, 4]"),
        new("Nms", "scores", d => F.Nms(Ones(d, 2, 4), Ones(d, 3), 0.5), "scores is [3], expected [2]"),
        new("Nms", "classes", d => F.Nms(Ones(d, 2, 4), Ones(d, 2), 0.5, Ids(d, 1)), "classes is [1], expected [2]"),
        new("Nms", "class type", d => F.Nms(Ones(d, 2, 4), Ones(d, 2), 0.5, Ones(d, 2)), "expected integers"),
        new("Nms", "threshold", d => F.Nms(Ones(d, 2, 4), Ones(d, 2), 1.5), "iouThreshold is 1.5"),
    ];

    private static Tensor Ones(Device d, params int[] shape) => Tensor.Ones(shape, DType.F32, d);

    private static Tensor Ids(Device d, params long[] values) => Tensor.From(values, [values.Length], d);

    private static IEnumerable<OpCase> Focal()
    {
        // The paper's formula as it stands, with ln σ(x) = −ln(1 + e⁻ˣ).
        double Loss(double x, bool isPresent, double alpha, double gamma)
        {
            double p = 1 / (1 + Math.Exp(-x)), softplus = Math.Max(x, 0) + double.LogP1(Math.Exp(-Math.Abs(x)));
            return isPresent ? alpha * Math.Pow(1 - p, gamma) * (softplus - x) : (1 - alpha) * Math.Pow(p, gamma) * softplus;
        }

        OpCase Row(string label, int n, int c, Reduction reduction, double alpha = 0.25, double gamma = 2,
            double[]? targets = null,
            double scale = 4) => new("SigmoidFocalLoss", label, x => F.SigmoidFocalLoss(x[0], x[1], alpha, gamma, reduction), x =>
            {
                var loss = Nd.From([n, c], i => x[1][i[0]] < 0 ? 0 : Loss(x[0][i], x[1][i[0]] == i[1] + 1, alpha, gamma));
                var count = reduction == Reduction.Mean ? n * c : 1;
                return reduction == Reduction.None ? loss : new Nd([loss.Data.Sum() / count], []);
            }, new In([n, c], -scale, scale), targets is null ? In.Ids([n], c + 1, -1) : In.Ids([n], targets))
            { Tolerance32 = 5e-6, Tolerance64 = 1e-11 };
        return
        [
            Row("none", 7, 5, Reduction.None), Row("sum", 7, 5, Reduction.Sum), Row("mean", 7, 5, Reduction.Mean),
            Row("one class", 9, 1, Reduction.None),
            Row("many classes", 3, 80, Reduction.None), Row("past a group", 2, 257, Reduction.Sum),
            Row("many rows", 129, 3, Reduction.Sum),
            Row("no power", 5, 6, Reduction.None, gamma: 0), Row("half power", 5, 6, Reduction.None, 0.6, 0.5),
            Row("edges", 4, 3, Reduction.None, targets: [-1, 0, 1, 3]),
            Row("all ignored", 3, 4, Reduction.Sum, targets: [-1, -1, -1]),
            Row("sure", 4, 9, Reduction.None, scale: 60), Row("no rows", 0, 4, Reduction.Sum),
            Row("no classes", 3, 0, Reduction.None, targets: [0, 0, 0]),
            new("SigmoidFocalLoss", "by hand", x => F.SigmoidFocalLoss(x[0], x[1], reduction: Reduction.None),
                _ => new Nd([0.25 * 0.25 * Math.Log(2), 0.75 * 0.25 * Math.Log(2)], [1, 2]), new In([1, 2], Fixed: [0, 0]),
                    In.Ids([1], 1.0)),
            new("SigmoidFocalLoss", "far", x => F.SigmoidFocalLoss(x[0], x[1], reduction: Reduction.None),
                _ => new Nd([0.25 * 1e4, 0, 0, 0.75 * 1e4], [2, 2]), new In([2, 2], Fixed: [-1e4, -1e4, 1e4, 1e4]),
                In.Ids([2], 1.0, 1)) { IsDifferentiable = false },
        ];
    }

    // Corners whose sizes are drawn apart, so that x1 < x2 and y1 < y2, and no two coordinates are equal.
    private static In Boxes(int n, ulong seed, double spread = 3) => new([n, 4], Fixed: [.. Enumerable.Range(0, n).SelectMany(i =>
    {
        double U(int k) => Philox.Uniform(Philox.Word(seed, (ulong)i, (ulong)k));
        double x = (float)(spread * U(0)), y = (float)(spread * U(1)), w = (float)(0.3 + 2 * U(2)), h = (float)(0.3 + 2 * U(3));
        return new[] { x, y, (float)(x + w), (float)(y + h) };
    })]);

    private static double Overlap(Func<int, double> a, Func<int, double> b)
    {
        double w = Math.Min(a(2), b(2)) - Math.Max(a(0), b(0)), h = Math.Min(a(3), b(3)) - Math.Max(a(1), b(1));
        return w > 0 && h > 0 ? w * h : 0;
    }

    private static double Area(Func<int, double> a) => (a(2) - a(0)) * (a(3) - a(1));

    private static double Iou(Func<int, double> a, Func<int, double> b)
    {
        var meet = Overlap(a, b);
        return meet > 0 ? meet / (Area(a) + Area(b) - meet) : 0;
    }

    private static IEnumerable<OpCase> Overlaps()
    {
        double Giou(Func<int, double> a, Func<int, double> b, double eps)
        {
            double union = Area(a) + Area(b) - Overlap(a, b) + eps;
            double hull = (Math.Max(a(2), b(2)) - Math.Min(a(0), b(0))) * (Math.Max(a(3), b(3)) - Math.Min(a(1), b(1))) + eps;
            return Overlap(a, b) / union - (hull - union) / hull;
        }

        OpCase Row(string label, In a, In b, double eps = 1e-7) => new("GeneralizedBoxIoU", label,
            x => F.GeneralizedBoxIoU(x[0], x[1], eps),
            x => Nd.From([a.Shape[0]], i => Giou(k => x[0][i[0], k], k => x[1][i[0], k], eps)), a, b)
        { Tolerance32 = 5e-6 };
        OpCase Pairs(string label, In a, In b) => new("BoxIoU", label, x => F.BoxIoU(x[0], x[1]),
            x => Nd.From([a.Shape[0], b.Shape[0]], i => Iou(k => x[0][i[0], k], k => x[1][i[1], k])), a, b)
        { Tolerance32 = 5e-6, IsDifferentiable = false };
        In unit = new([1, 4], Fixed: [0, 0, 1, 1]);
        return
        [
            Row("near", Boxes(17, 1), Boxes(17, 2)), Row("far", Boxes(13, 3, 30), Boxes(13, 4, 30)),
            Row("past a group", Boxes(257, 5), Boxes(257, 6)),
            Row("large eps", Boxes(5, 7), Boxes(5, 8), 0.5), Row("none", Boxes(0, 1), Boxes(0, 1)),
            Row("same", unit, unit) with { IsDifferentiable = false },
            Row("nothing between", unit, new([1, 4], Fixed: [2, 0, 3, 1])) with { IsDifferentiable = false },
            Row("no area", new([1, 4], Fixed: [1, 1, 1, 1]), new([1, 4], Fixed: [1, 1, 1, 1])) with { IsDifferentiable = false },
            Pairs("pairs", Boxes(7, 1), Boxes(5, 2)), Pairs("past a group", Boxes(33, 3), Boxes(17, 4)),
            Pairs("none", Boxes(0, 1), Boxes(3, 1)),
            Pairs("no area", new([2, 4], Fixed: [1, 1, 1, 1, 0, 0, 2, 2]), new([1, 4], Fixed: [1, 1, 1, 1])),
        ];
    }

    private static IEnumerable<OpCase> Suppression()
    {
        OpCase Row(string label, In boxes, In scores, double threshold, In? classes = null) => new("Nms", label,
            x => F.Nms(x[0], x[1], threshold, x.Length > 2 ? x[2] : null).To(DType.F64).To(x[0].DType), x =>
            {
                var kept = new List<int>();
                foreach (var i in Enumerable.Range(0, boxes.Shape[0]).OrderByDescending(i => x[1][i]))
                {
                    var isFree = kept.All(k => (x.Length > 2 && x[2][k] != x[2][i])
                        || Iou(c => x[0][k, c], c => x[0][i, c]) <= threshold);
                    if (isFree) { kept.Add(i); }
                }

                return new Nd([.. kept.Select(k => (double)k)], [kept.Count]);
            }, classes is null ? [boxes, scores] : [boxes, scores, classes])
        { IsDifferentiable = false };
        In Tied(int n) => new([n], Fixed: [.. Enumerable.Range(0, n).Select(i => i % 3 / 4.0)]);
        In twice = new([2, 4], Fixed: [0, 0, 2, 1, 1, 0, 3, 1]); // they overlap by exactly 1/3
        return
        [
            Row("some", Boxes(17, 1), new In([17]), 0.3), Row("past a word", Boxes(131, 2), new In([131]), 0.5),
            Row("ties", Boxes(29, 3), Tied(29), 0.4),
            Row("classes", Boxes(70, 4), new In([70]), 0.3, In.Ids([70], 3)),
            Row("class names", Boxes(9, 5, 1), Tied(9), 0.2, In.Ids([9], 90, -5, 90, 7, 7, -5, 7, 90, 1)),
            Row("nothing allowed", Boxes(33, 6, 9), new In([33]), 0), Row("all allowed", Boxes(11, 7), new In([11]), 1),
            Row("one", Boxes(1, 8), new In([1]), 0.5),
            Row("none", Boxes(0, 9), new In([0]), 0.5),
            Row("same", new([3, 4], Fixed: [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]), Tied(3), 0.99),
            Row("just allowed", new([2, 4], Fixed: [0, 0, 3, 1, 0, 0, 1.5, 1]), Tied(2), 0.5),
            Row("just refused", twice, Tied(2), 0.33), Row("just kept", twice, Tied(2), 0.34),
            Row("many", Boxes(300, 10, 20), new In([300]), 0.1) with { IsForSimulator = false },
        ];
    }
}
