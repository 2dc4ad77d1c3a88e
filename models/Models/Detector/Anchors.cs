using System.Collections.Generic;
using System.Linq;

namespace FlorenceKernels.Models;

/// <summary>One square anchor per location of a level, side <c>scale·stride</c>, centred in the location's cell:
/// ((column + ½)·stride, (row + ½)·stride).</summary>
public static class Anchors
{
    /// <summary>The anchors of a level, row by row.</summary>
    public static BoundingBox[] Level(int height, int width, int stride, int scale)
    {
        var anchors = new BoundingBox[height * width];
        var half = scale * stride / 2f;
        for (var i = 0; i < anchors.Length; i++)
        {
            float x = (i % width + 0.5f) * stride, y = (i / width + 0.5f) * stride;
            anchors[i] = new(x - half, y - half, x + half, y + half);
        }

        return anchors;
    }

    /// <summary>The anchors of every level of a pyramid.</summary>
    public static IReadOnlyList<BoundingBox[]> Pyramid(IEnumerable<(int Height, int Width)> sizes, IReadOnlyList<int> strides,
        int scale) =>
        [.. sizes.Select((size, level) => Level(size.Height, size.Width, strides[level], scale))];
}
