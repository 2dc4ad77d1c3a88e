using System;
using System.Collections.Generic;

namespace FlorenceKernels.Datasets;

/// <summary>
/// Clusters of nearly equal images: the transitive closure of "mean absolute difference of the colour cells below .012". Images
/// that are nearly one colour stay alone, because they are near everything of that colour.
/// </summary>
internal static class ImageClusters
{
    public const float Near = 0.012f;
    public const float Flat = 0.03f;

    /// <summary>The cluster of each image, named by its smallest member.</summary>
    public static int[] Of(IReadOnlyList<float[]> cells)
    {
        var sets = new DisjointSets(cells.Count);
        var order = new List<(float Mean, int Index)>();
        for (int i = 0; i < cells.Count; i++)
        {
            if (ColourCells.Deviation(cells[i]) >= Flat) order.Add((ColourCells.Mean(cells[i]), i));
        }

        order.Sort();
        // |mean a - mean b| never exceeds the distance, so only a window of the sorted means need be compared; the quarters'
        // means bound it again at a twelfth of the work.
        var quarters = new float[order.Count][];
        for (int i = 0; i < quarters.Length; i++) quarters[i] = Quarters(cells[order[i].Index]);
        for (int i = 0; i < order.Count; i++)
        {
            for (int j = i + 1; j < order.Count && order[j].Mean - order[i].Mean < Near + 1e-5f; j++)
            {
                if (ColourCells.Distance(quarters[i], quarters[j]) >= Near + 1e-5f) continue;
                if (ColourCells.Distance(cells[order[i].Index], cells[order[j].Index]) < Near)
                    sets.Union(order[i].Index, order[j].Index);
            }
        }

        return sets.Names();
    }

    /// <summary>Means of the four quarters per colour; their distance is at most the cells' distance.</summary>
    private static float[] Quarters(ReadOnlySpan<float> cells)
    {
        const int half = ColourCells.Grid / 2;
        var means = new float[12];
        for (int i = 0; i < cells.Length; i++)
        {
            int cell = i / 3, y = cell / ColourCells.Grid, x = cell % ColourCells.Grid;
            means[(y / half * 2 + x / half) * 3 + i % 3] += cells[i] / (half * half);
        }

        return means;
    }
}
