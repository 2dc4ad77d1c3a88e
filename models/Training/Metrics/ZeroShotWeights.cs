using System;
using System.Numerics;

namespace FlorenceKernels.Training;

/// <summary>Zero-shot classification by templates averaged in the embedding space (Radford et al. 2021, section 3.1.4).</summary>
public static class ZeroShotWeights
{
    private const double SmallestNorm = 1e-12;

    /// <summary>Class weights: each text is L2-normalised, the texts of a class are averaged, the mean is normalised
    /// again.</summary>
    /// <param name="text">[classes, templates, D]</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="templates">Texts a class.</param>
    /// <returns>[classes, D]</returns>
    public static float[] Ensemble(ReadOnlySpan<float> text, int classes, int templates)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(templates, 1);
        if (text.Length % ((long)classes * templates) != 0)
            throw new ArgumentException($"{text.Length} values are no table of {classes} classes with {templates} templates.",
                nameof(text));
        var width = text.Length / classes / templates;
        var weights = new float[classes * width];
        var mean = new double[width];
        for (var c = 0; c < classes; c++)
        {
            Array.Clear(mean);
            for (var t = 0; t < templates; t++)
            {
                var row = text.Slice((c * templates + t) * width, width);
                var scale = 1 / Norm(row);
                for (var d = 0; d < width; d++) mean[d] += row[d] * scale;
            }
            var weight = weights.AsSpan(c * width, width);
            for (var d = 0; d < width; d++) weight[d] = (float)mean[d];
            var length = Norm(weight);
            for (var d = 0; d < width; d++) weight[d] = (float)(mean[d] / length);
        }
        return weights;
    }

    /// <summary>Cosine of every image with every class.</summary>
    /// <param name="images">Embeddings of any length. [N, D]</param>
    /// <param name="weights">Result of <see cref="Ensemble"/>. [classes, D]</param>
    /// <param name="width">D.</param>
    /// <returns>[N, classes]</returns>
    public static float[] Cosines(ReadOnlySpan<float> images, ReadOnlySpan<float> weights, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (images.Length % width != 0 || weights.Length % width != 0)
            throw new ArgumentException($"{images.Length} image and {weights.Length} weight values are not rows of {width}.",
                nameof(width));
        int count = images.Length / width, classes = weights.Length / width;
        var scores = new float[count * classes];
        for (var n = 0; n < count; n++)
        {
            var row = images.Slice(n * width, width);
            var scale = 1 / Norm(row);
            for (var c = 0; c < classes; c++)
                scores[n * classes + c] = (float)(Dot(row, weights.Slice(c * width, width)) * scale);
        }
        return scores;
    }

    private static double Norm(ReadOnlySpan<float> row)
    {
        var sum = 0.0;
        foreach (var value in row) sum += (double)value * value;
        return Math.Max(Math.Sqrt(sum), SmallestNorm);
    }

    private static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sums = Vector<float>.Zero;
        var i = 0;
        for (; i + Vector<float>.Count <= a.Length; i += Vector<float>.Count)
            sums += new Vector<float>(a[i..]) * new Vector<float>(b[i..]);
        double sum = Vector.Sum(sums);
        for (; i < a.Length; i++) sum += (double)a[i] * b[i];
        return sum;
    }
}
