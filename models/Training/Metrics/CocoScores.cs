using System;
using System.Collections.Generic;
using System.Linq;

namespace FlorenceKernels.Training;

/// <summary>Precision and recall of COCO's protocol and the numbers papers report; −1 where nothing counts.</summary>
public sealed class CocoScores
{
    private const int Most = 2; // the index of 100 detections

    private readonly long[] _categories;
    private readonly double[] _precision, _recall;

    internal CocoScores(long[] categories)
    {
        _categories = categories;
        var cells = CocoBoxAp.Thresholds.Length * categories.Length * CocoBoxAp.Areas.Length * CocoBoxAp.MaxDetections.Length;
        (_precision, _recall) = (new double[cells * CocoBoxAp.Recalls.Length], new double[cells]);
        Array.Fill(_precision, -1);
        Array.Fill(_recall, -1);
    }

    /// <summary>Category ids, ascending: the order of the category axes.</summary>
    public IReadOnlyList<long> Categories => _categories;

    /// <summary>Mean over IoU 0.50 … 0.95, recalls and categories.</summary>
    public double Ap => MeanPrecision();

    /// <summary>At IoU 0.50.</summary>
    public double Ap50 => MeanPrecision(threshold: 0);

    /// <summary>At IoU 0.75.</summary>
    public double Ap75 => MeanPrecision(threshold: 5);

    /// <summary>Of objects up to 32² pixels.</summary>
    public double ApSmall => MeanPrecision(area: 1);

    /// <summary>Of objects from 32² to 96² pixels.</summary>
    public double ApMedium => MeanPrecision(area: 2);

    /// <summary>Of objects from 96² pixels.</summary>
    public double ApLarge => MeanPrecision(area: 3);

    /// <summary>Recall with 1, 10 or 100 detections per image and category.</summary>
    public double RecallWith(int detections) =>
        MeanRecall(0, Array.IndexOf(CocoBoxAp.MaxDetections, detections) is >= 0 and var m ? m
            : throw new ArgumentException($"COCO recall is counted with 1, 10 or 100 detections, not {detections}"));

    /// <summary>The twelve numbers in COCO's order: AP, AP50, AP75, AP small, medium, large, recall with 1, 10, 100, recall of
    /// small, medium, large.</summary>
    public IReadOnlyList<double> Summary =>
    [
        Ap, Ap50, Ap75, ApSmall, ApMedium, ApLarge, MeanRecall(0, 0), MeanRecall(0, 1), MeanRecall(0, Most), MeanRecall(1, Most),
        MeanRecall(2, Most),
        MeanRecall(3, Most),
    ];

    /// <summary>AP of one category; −1 when it has no object.</summary>
    /// <exception cref="ArgumentException">The category was not evaluated.</exception>
    public double ApOf(long category) => Array.IndexOf(_categories, category) is >= 0 and var k ? MeanPrecision(category: k)
        : throw new ArgumentException($"COCO scores hold no category {category}");

    /// <summary>Precision at one of the ten thresholds, of the 101 recalls, of <see cref="Categories"/>, of the areas (all,
    /// small, medium, large) and of the numbers of detections (1, 10, 100), all by index; −1 where nothing counts.</summary>
    public double Precision(int threshold, int recall, int category, int area = 0, int detections = Most) =>
        PrecisionAt(threshold, recall, category, area, detections);

    /// <summary>The largest recall reached, by index as in <see cref="Precision"/>.</summary>
    public double Recall(int threshold, int category, int area = 0, int detections = Most) =>
        RecallAt(threshold, category, area, detections);

    internal ref double PrecisionAt(int t, int r, int k, int a, int m) =>
        ref _precision[Cell(t, k, a, m) * CocoBoxAp.Recalls.Length + r];

    internal ref double RecallAt(int t, int k, int a, int m) => ref _recall[Cell(t, k, a, m)];

    private int Cell(int t, int k, int a, int m) =>
        ((t * _categories.Length + k) * CocoBoxAp.Areas.Length + a) * CocoBoxAp.MaxDetections.Length + m;

    private double MeanPrecision(int? threshold = null, int? category = null, int area = 0) => Mean(
        from t in Chosen(threshold, CocoBoxAp.Thresholds.Length)
        from r in Enumerable.Range(0, CocoBoxAp.Recalls.Length)
        from k in Chosen(category, _categories.Length)
        select Precision(t, r, k, area));

    private double MeanRecall(int area, int detections) => Mean(
        from t in Enumerable.Range(0, CocoBoxAp.Thresholds.Length)
        from k in Enumerable.Range(0, _categories.Length)
        select Recall(t, k, area, detections));

    private static IEnumerable<int> Chosen(int? one, int all) => one is { } i ? [i] : Enumerable.Range(0, all);

    private static double Mean(IEnumerable<double> values) => values.Where(v => v > -1).DefaultIfEmpty(-1).Average();
}
