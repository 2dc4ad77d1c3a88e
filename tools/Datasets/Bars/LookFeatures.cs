using System;

namespace FlorenceKernels.Datasets;

/// <summary>
/// What an image looks like without anything learned: colour cells beside a histogram of gradient directions per cell (Dalal and
/// Triggs 2005, without block normalisation), each brought to length 1 and weighted.
/// </summary>
internal static class LookFeatures
{
    public const int Bins = 8;
    public const int Length = ColourCells.Length + ColourCells.Grid * ColourCells.Grid * Bins;

    public static float[] Of(ReadOnlySpan<byte> rgba, int side, float shapeWeight)
    {
        var features = new float[Length];
        float[] cells = ColourCells.Of(rgba, side);
        for (int i = 0; i < cells.Length; i++) cells[i] = 1 - cells[i]; // white, the ground, is zero
        Normalise(cells, 1f);
        cells.CopyTo(features, 0);
        Span<float> shape = features.AsSpan(cells.Length);
        Gradients(Grey(rgba, side), side, shape);
        Normalise(shape, shapeWeight);
        return features;
    }

    private static float[] Grey(ReadOnlySpan<byte> rgba, int side)
    {
        var grey = new float[side * side];
        for (int i = 0; i < grey.Length; i++)
        {
            ReadOnlySpan<byte> p = rgba.Slice(i * 4, 4);
            float luma = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
            grey[i] = (luma * p[3] / 255f + 255f - p[3]) / 255f;
        }

        return grey;
    }

    private static void Gradients(float[] grey, int side, Span<float> histogram)
    {
        int cell = side / ColourCells.Grid;
        for (int y = 1; y < side - 1; y++)
        {
            for (int x = 1; x < side - 1; x++)
            {
                float dx = grey[y * side + x + 1] - grey[y * side + x - 1];
                float dy = grey[(y + 1) * side + x] - grey[(y - 1) * side + x];
                float size = MathF.Sqrt(dx * dx + dy * dy);
                if (size < 1e-3f) continue;
                // Directions modulo 180 degrees: a dark outline on light and a light one on dark are the same shape.
                float turn = MathF.Atan2(dy, dx) / MathF.PI;
                if (turn < 0) turn += 1;
                int bin = Math.Min((int)(turn * Bins), Bins - 1);
                int at = Math.Min(y / cell, ColourCells.Grid - 1) * ColourCells.Grid + Math.Min(x / cell, ColourCells.Grid - 1);
                histogram[at * Bins + bin] += size;
            }
        }

        // The square root keeps one strong edge from outshouting all others.
        for (int i = 0; i < histogram.Length; i++) histogram[i] = MathF.Sqrt(histogram[i]);
    }

    private static void Normalise(Span<float> values, float length)
    {
        float sum = 0;
        foreach (float v in values) sum += v * v;
        if (sum <= 0) return;
        float scale = length / MathF.Sqrt(sum);
        for (int i = 0; i < values.Length; i++) values[i] *= scale;
    }
}
