using System;
using System.Numerics;

namespace FlorenceKernels.Datasets;

/// <summary>The look of an image in 8x8x3 numbers: mean colours of a grid of cells, on white, 0 to 1.</summary>
internal static class ColourCells
{
    public const int Grid = 8;
    public const int Length = Grid * Grid * 3;

    public static float[] Of(ReadOnlySpan<byte> rgba, int side)
    {
        int cell = side / Grid;
        var cells = new float[Length];
        for (int y = 0; y < cell * Grid; y++)
        {
            for (int x = 0; x < cell * Grid; x++)
            {
                ReadOnlySpan<byte> pixel = rgba.Slice((y * side + x) * 4, 4);
                float alpha = pixel[3] / 255f;
                int at = (y / cell * Grid + x / cell) * 3;
                for (int c = 0; c < 3; c++) cells[at + c] += pixel[c] * alpha + 255f * (1 - alpha);
            }
        }

        float scale = 1f / (255f * cell * cell);
        for (int i = 0; i < Length; i++) cells[i] *= scale;
        return cells;
    }

    public static float Mean(ReadOnlySpan<float> cells)
    {
        float sum = 0;
        foreach (float v in cells) sum += v;
        return sum / cells.Length;
    }

    public static float Deviation(ReadOnlySpan<float> cells)
    {
        float mean = Mean(cells), sum = 0;
        foreach (float v in cells) sum += (v - mean) * (v - mean);
        return MathF.Sqrt(sum / cells.Length);
    }

    /// <summary>Mean absolute difference.</summary>
    public static float Distance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        int width = Vector<float>.Count, i = 0;
        var sums = Vector<float>.Zero;
        for (; i <= a.Length - width; i += width) sums += Vector.Abs(new Vector<float>(a[i..]) - new Vector<float>(b[i..]));
        float sum = Vector.Sum(sums);
        for (; i < a.Length; i++) sum += MathF.Abs(a[i] - b[i]);
        return sum / a.Length;
    }
}
