using System;

namespace FlorenceKernels.Training;

/// <summary>Accuracy of class scores.</summary>
public static class ClassificationMetrics
{
    /// <summary>Fraction of samples whose label is among the <paramref name="k"/> best scores; equal scores rank by class
    /// index.</summary>
    /// <param name="scores">[N, classes]</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="labels">[N]</param>
    /// <param name="k">How many guesses count.</param>
    /// <returns>The fraction, NaN without samples.</returns>
    public static double TopK(ReadOnlySpan<float> scores, int classes, ReadOnlySpan<long> labels, int k)
    {
        ScoreTable.Require(scores.Length, classes, labels);
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        var hits = 0;
        for (var n = 0; n < labels.Length; n++)
            if (ScoreTable.RankOf(scores.Slice(n * classes, classes), (int)labels[n]) < k) hits++;
        return (double)hits / labels.Length;
    }

    /// <summary>Confusion matrix of the best-scored classes.</summary>
    /// <param name="scores">[N, classes]</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="labels">[N]</param>
    public static ConfusionMatrix Confusion(ReadOnlySpan<float> scores, int classes, ReadOnlySpan<long> labels)
    {
        ScoreTable.Require(scores.Length, classes, labels);
        var matrix = new ConfusionMatrix(classes);
        for (var n = 0; n < labels.Length; n++)
            matrix.Add((int)labels[n], ScoreTable.Best(scores.Slice(n * classes, classes)));
        return matrix;
    }
}

/// <summary>Order of scores shared by the metrics.</summary>
internal static class ScoreTable
{
    internal static void Require(int scores, int classes, ReadOnlySpan<long> labels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        if (scores != (long)classes * labels.Length)
            throw new ArgumentException(
                $"{labels.Length} labels and {classes} classes need {(long)classes * labels.Length} scores, not {scores}.");
        foreach (var label in labels)
            if (label < 0 || label >= classes) throw new ArgumentException($"Label {label} is outside 0..{classes - 1}.");
    }

    /// <summary>How many entries stand before this one: higher, not comparable (NaN), or equal with a lower index.</summary>
    internal static int RankOf(ReadOnlySpan<float> scores, int index)
    {
        var own = scores[index];
        var before = 0;
        for (var i = 0; i < scores.Length; i++)
            if (i != index && (!(scores[i] <= own) || (scores[i] == own && i < index))) before++;
        return before;
    }

    internal static int Best(ReadOnlySpan<float> scores)
    {
        var best = 0;
        for (var i = 1; i < scores.Length; i++)
            if (scores[i] > scores[best]) best = i;
        return best;
    }
}
