using System;
using System.Collections.Generic;
using System.Linq;

namespace FlorenceKernels.Training;

/// <summary>A box as COCO's files have it.</summary>
/// <param name="X">Left.</param> <param name="Y">Top.</param> <param name="Width">Width.</param>
/// <param name="Height">Height.</param>
public readonly record struct CocoBox(double X, double Y, double Width, double Height)
{
    /// <summary>Width times height.</summary>
    public double Area => Width * Height;

    /// <summary>Intersection over union; over this box's own area where the other is a crowd, of which any part may be
    /// found.</summary>
    internal double Overlap(CocoBox truth, bool isCrowd)
    {
        double w = Math.Min(X + Width, truth.X + truth.Width) - Math.Max(X, truth.X);
        double h = Math.Min(Y + Height, truth.Y + truth.Height) - Math.Max(Y, truth.Y);
        return w <= 0 || h <= 0 ? 0 : w * h / (isCrowd ? Area : Area + truth.Area - w * h);
    }
}

/// <summary>An annotated object.</summary>
/// <param name="Image">The image's id.</param> <param name="Category">The category's id.</param>
/// <param name="Box">Where it is.</param>
/// <param name="Area">Its area, in COCO that of its outline, by which it counts as small, medium or large.</param>
/// <param name="IsCrowd">Stands for many objects: finding it counts neither for nor against.</param>
public readonly record struct CocoObject(long Image, long Category, CocoBox Box, double Area, bool IsCrowd);

/// <summary>A box a detector found.</summary>
/// <param name="Image">The image's id.</param> <param name="Category">The category's id.</param>
/// <param name="Box">Where it is.</param>
/// <param name="Score">How sure.</param>
public readonly record struct CocoDetection(long Image, long Category, CocoBox Box, double Score);

/// <summary>COCO's box average precision, step for step as its reference evaluation: detections are matched to objects per image
/// and category in descending score, at ten IoU thresholds; precision is averaged over 101 recalls, thresholds and categories.
/// Entries of categories without an object are −1 and do not count. One difference: the reference takes an annotation of id 0 for
/// "no match".</summary>
public static class CocoBoxAp
{
    /// <summary>IoU thresholds 0.50, 0.55 … 0.95.</summary>
    internal static double[] Thresholds { get; } = Spaced(0.5, 0.95, 10);

    /// <summary>Recalls 0, 0.01 … 1.</summary>
    internal static double[] Recalls { get; } = Spaced(0, 1, 101);

    /// <summary>Areas in square pixels, both ends included: all, small, medium, large.</summary>
    internal static (double Low, double High)[] Areas { get; } = [(0, 1e10), (0, 32 * 32), (32 * 32, 96 * 96), (96 * 96, 1e10)];

    /// <summary>Detections that count per image and category.</summary>
    internal static int[] MaxDetections { get; } = [1, 10, 100];

    /// <summary>Evaluates detections against objects.</summary>
    /// <param name="objects">Every annotation.</param>
    /// <param name="detections">Every detection; of equal scores the earlier goes first.</param>
    /// <param name="categories">Ids of the categories to average over, in any order.</param>
    /// <exception cref="ArgumentException">There is no category, or one is named twice.</exception>
    public static CocoScores Evaluate(IReadOnlyList<CocoObject> objects, IReadOnlyList<CocoDetection> detections,
        IReadOnlyList<long> categories)
    {
        long[] known = [.. categories.Distinct().Order()];
        if (known.Length == 0 || known.Length != categories.Count)
        {
            throw new ArgumentException($"COCO evaluation: {categories.Count} category ids of which {known.Length} differ; give each once");
        }

        var scores = new CocoScores(known);
        var truth = objects.ToLookup(o => (o.Category, o.Image));
        var found = detections.ToLookup(d => (d.Category, d.Image));
        long[] images = [.. objects.Select(o => o.Image).Concat(detections.Select(d => d.Image)).Distinct().Order()];
        for (var k = 0; k < known.Length; k++)
        {
            var category = known[k];
            CocoImage[] parts =
            [
                .. images.Select(i => new CocoImage(truth[(category, i)], found[(category, i)])).Where(p => !p.IsEmpty),
            ];
            for (var a = 0; a < Areas.Length; a++)
            {
                CocoMatches[] matches = [.. parts.Select(p => p.Match(Areas[a]))];
                for (var m = 0; m < MaxDetections.Length; m++) { Accumulate(scores, k, a, m, matches); }
            }
        }

        return scores;
    }

    // Precision at each recall and the last recall, of one category, area and number of detections, per threshold.
    private static void Accumulate(CocoScores scores, int k, int a, int m, CocoMatches[] images)
    {
        var present = images.Sum(i => i.Objects);
        if (present == 0) { return; }
        var ranked = images
            .SelectMany(i => Enumerable.Range(0, Math.Min(MaxDetections[m], i.Scores.Length)).Select(d => (Image: i, Place: d)))
            .OrderByDescending(d => d.Image.Scores[d.Place]).ToArray();
        for (var t = 0; t < Thresholds.Length; t++)
        {
            double[] recall = new double[ranked.Length], precision = new double[ranked.Length];
            int right = 0, wrong = 0;
            for (var i = 0; i < ranked.Length; i++)
            {
                switch (ranked[i].Image.Verdicts[t][ranked[i].Place])
                {
                    case CocoVerdict.Right: right++; break;
                    case CocoVerdict.Wrong: wrong++; break;
                }

                recall[i] = (double)right / present;
                precision[i] = right / (wrong + right + Math.BitIncrement(1.0) - 1);
            }

            for (var i = ranked.Length - 1; i > 0; i--) { precision[i - 1] = Math.Max(precision[i - 1], precision[i]); }
            scores.RecallAt(t, k, a, m) = ranked.Length > 0 ? recall[^1] : 0;
            for (int r = 0, i = 0; r < Recalls.Length; r++)
            {
                while (i < recall.Length && recall[i] < Recalls[r]) { i++; }
                scores.PrecisionAt(t, r, k, a, m) = i < recall.Length ? precision[i] : 0;
            }
        }
    }

    // NumPy's linspace, bit for bit.
    private static double[] Spaced(double from, double to, int count)
    {
        var step = (to - from) / (count - 1);
        var values = new double[count];
        for (var i = 0; i < count; i++) { values[i] = i == count - 1 ? to : i * step + from; }
        return values;
    }
}
