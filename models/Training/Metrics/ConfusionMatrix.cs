using System;

namespace FlorenceKernels.Training;

/// <summary>Counts of (true class, predicted class).</summary>
public sealed class ConfusionMatrix
{
    private readonly long[] _counts;

    /// <summary>Makes a matrix of zeros.</summary>
    public ConfusionMatrix(int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        Classes = classes;
        _counts = new long[checked(classes * classes)];
    }

    /// <summary>Number of classes.</summary>
    public int Classes { get; }

    /// <summary>All counts. [true, predicted]</summary>
    public ReadOnlySpan<long> Counts => _counts;

    /// <summary>One count.</summary>
    public long this[int label, int predicted] => _counts[label * Classes + predicted];

    /// <summary>Counts one sample.</summary>
    public void Add(int label, int predicted)
    {
        if ((uint)label >= (uint)Classes || (uint)predicted >= (uint)Classes)
            throw new ArgumentException($"({label}, {predicted}) is outside a matrix of {Classes} classes.");
        _counts[label * Classes + predicted]++;
    }

    /// <summary>Fraction of samples on the diagonal; NaN without samples.</summary>
    public double Accuracy()
    {
        long right = 0, all = 0;
        for (var c = 0; c < Classes; c++)
        {
            right += this[c, c];
            all += RowSum(c);
        }
        return (double)right / all;
    }

    /// <summary>Mean of the recalls of the classes that occur ("mean per class"); NaN without samples.</summary>
    public double MeanPerClassRecall()
    {
        double sum = 0;
        var seen = 0;
        for (var c = 0; c < Classes; c++)
        {
            if (RowSum(c) == 0) continue;
            sum += (double)this[c, c] / RowSum(c);
            seen++;
        }
        return sum / seen;
    }

    private long RowSum(int label)
    {
        long sum = 0;
        foreach (var count in Counts.Slice(label * Classes, Classes)) sum += count;
        return sum;
    }
}
