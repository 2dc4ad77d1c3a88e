using System;
using System.Linq;

namespace FlorenceKernels.Training;

/// <summary>Rule of the 11-point average precision.</summary>
public enum ElevenPointRule
{
    /// <summary>PASCAL VOC 2007: largest precision among the thresholds with at least this recall.</summary>
    Strict,

    /// <summary>The evaluation package behind ELEVATER, whose precision at recall 0 is always 1: up to 1/11 higher.</summary>
    Peer,
}

/// <summary>A measure of one class: how well scores put positives before negatives.</summary>
public delegate double BinaryMetric(ReadOnlySpan<float> scores, ReadOnlySpan<bool> isPositive);

/// <summary>Measures of scored lists with binary relevance. Equal scores are one threshold, never an order.</summary>
public static class RankingMetrics
{
    private const double RecallSlack = 1e-12;   // 3/10 and 0.3 must compare as equal

    /// <summary>Area under the ROC curve: probability that a positive scores above a negative, ties counting one half. NaN when
    /// one of the two is missing.</summary>
    public static double RocAuc(ReadOnlySpan<float> scores, ReadOnlySpan<bool> isPositive)
    {
        var above = 0.0;
        long positives = 0, negatives = 0;
        foreach (var (hits, misses) in Thresholds(scores, isPositive))
        {
            above += misses * (positives + 0.5 * hits);
            (positives, negatives) = (positives + hits, negatives + misses);
        }
        return above / ((double)positives * negatives);
    }

    /// <summary>Σ (recall gained at a threshold) · (precision there), without interpolation. NaN without positives.</summary>
    public static double AveragePrecision(ReadOnlySpan<float> scores, ReadOnlySpan<bool> isPositive)
    {
        double sum = 0;
        long positives = 0, seen = 0;
        foreach (var (hits, misses) in Thresholds(scores, isPositive))
        {
            (positives, seen) = (positives + hits, seen + hits + misses);
            sum += hits * ((double)positives / seen);
        }
        return sum / positives;
    }

    /// <summary>Mean over recall 0, 0.1, … 1 of the best precision at that recall or more. NaN without positives.</summary>
    public static double ElevenPointAveragePrecision(
        ReadOnlySpan<float> scores, ReadOnlySpan<bool> isPositive, ElevenPointRule rule = ElevenPointRule.Strict)
    {
        Span<double> best = stackalloc double[11];
        best.Clear();
        var all = isPositive.Count(true);
        if (all == 0) return double.NaN;
        long positives = 0, seen = 0;
        foreach (var (hits, misses) in Thresholds(scores, isPositive))
        {
            (positives, seen) = (positives + hits, seen + hits + misses);
            for (var r = 0; r < best.Length && r / 10.0 <= (double)positives / all + RecallSlack; r++)
                best[r] = Math.Max(best[r], (double)positives / seen);
        }
        if (rule == ElevenPointRule.Peer) best[0] = 1;
        var sum = 0.0;
        foreach (var precision in best) sum += precision;
        return sum / best.Length;
    }

    /// <summary>A measure for every column of a table.</summary>
    /// <param name="scores">[N, classes]</param>
    /// <param name="labels">1 where the class is present, else 0. [N, classes]</param>
    /// <param name="classes">Number of columns.</param>
    /// <param name="metric">Measure of one column.</param>
    public static double[] PerClass(ReadOnlySpan<float> scores, ReadOnlySpan<long> labels, int classes, BinaryMetric metric)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        if (scores.Length != labels.Length || scores.Length % classes != 0)
            throw new ArgumentException(
                $"{scores.Length} scores and {labels.Length} labels do not make a table of {classes} columns.");
        var column = new float[scores.Length / classes];
        var isPositive = new bool[column.Length];
        var results = new double[classes];
        for (var c = 0; c < classes; c++)
        {
            for (var n = 0; n < column.Length; n++)
                (column[n], isPositive[n]) = (scores[n * classes + c], labels[n * classes + c] != 0);
            results[c] = metric(column, isPositive);
        }
        return results;
    }

    // positives and negatives at every distinct score, highest first; NaN scores come last
    private static (int Hits, int Misses)[] Thresholds(ReadOnlySpan<float> scores, ReadOnlySpan<bool> isPositive)
    {
        if (scores.Length != isPositive.Length)
            throw new ArgumentException($"There are {scores.Length} scores but {isPositive.Length} labels.", nameof(isPositive));
        var positive = isPositive.ToArray();
        return [.. scores.ToArray().Zip(positive).GroupBy(item => item.First, item => item.Second)
            .OrderByDescending(group => group.Key)
            .Select(group => (group.Count(hit => hit), group.Count(hit => !hit)))];
    }
}
