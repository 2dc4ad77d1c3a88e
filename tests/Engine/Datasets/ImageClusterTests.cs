using System;
using System.Linq;
using FlorenceKernels.Datasets;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class ImageClusterTests
{
    [Fact]
    public void Clusters_equal_those_of_all_pairs()
    {
        var random = new Random(3);
        float[][] cells = Enumerable.Range(0, 400).Select(_ => new float[ColourCells.Length]).ToArray();
        for (int i = 0; i < cells.Length; i++)
        {
            // Chains of small steps, so that some pairs are linked only through others.
            for (int c = 0; c < ColourCells.Length; c++)
                cells[i][c] = i % 8 == 0 ? random.NextSingle() : cells[i - 1][c] + (random.NextSingle() - 0.5f) * 0.05f;
        }

        Assert.Equal(AllPairs(cells), ImageClusters.Of(cells));
        Assert.True(ImageClusters.Of(cells).Distinct().Count() is > 10 and < 390);
    }

    [Fact]
    public void Images_of_one_colour_stay_alone()
    {
        float[] flat = Enumerable.Repeat(0.5f, ColourCells.Length).ToArray();
        Assert.Equal([0, 1], ImageClusters.Of([flat, flat]));
    }

    [Fact]
    public void Cells_are_means_on_white()
    {
        var rgba = new byte[16 * 16 * 4];
        for (int y = 0; y < 2; y++) rgba.AsSpan(y * 16 * 4, 8).Fill(255); // an opaque white corner cell on nothing
        rgba[0] = rgba[1] = rgba[2] = 0; // with one black pixel of four
        float[] cells = ColourCells.Of(rgba, 16);
        Assert.All(cells[..3], v => Assert.Equal(0.75f, v, 5));
        Assert.All(cells[3..], v => Assert.Equal(1f, v, 5));
    }

    private static int[] AllPairs(float[][] cells)
    {
        int[] name = Enumerable.Range(0, cells.Length).ToArray();
        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = 0; i < cells.Length; i++)
            {
                for (int j = 0; j < i; j++)
                {
                    if (name[i] == name[j] || cells[i].Zip(cells[j], (a, b) => MathF.Abs(a - b)).Average() >= 0.012f) continue;
                    name[i] = name[j] = Math.Min(name[i], name[j]);
                    changed = true;
                }
            }
        }

        return name;
    }
}
