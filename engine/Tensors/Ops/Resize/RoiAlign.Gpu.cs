using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// RoiAlign, separable bins. BinPerThread gathers a bin's pixels. PixelPerThread gathers the bins that cover a pixel, boxes in
// order: no atomics. Traffic: the boxes' pixels; backward reads every box's tables per pixel, which stay in cache.
internal static class RoiAlignGpu
{
    internal static void BinPerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var line = i / a.BinColumns;
            var plane = line / a.BinRows;
            var box = plane / a.Channels;
            var row = box * a.BinRows + (line - plane * a.BinRows);
            var column = box * a.BinColumns + (i - line * a.BinColumns);
            var map = (a.Images[box] * a.Channels + (plane - box * a.Channels)) * a.Height;
            int firstRow = a.RowOffsets[row], firstColumn = a.ColumnOffsets[column];
            var total = R.Of(0);
            for (var y = firstRow; y < a.RowOffsets[row + 1]; y++)
            {
                var from = (map + a.RowStarts[row] + y - firstRow) * a.Width + a.ColumnStarts[column] - firstColumn;
                var sum = R.Of(0);
                for (var x = firstColumn; x < a.ColumnOffsets[column + 1]; x++)
                {
                    sum = R.MultiplyAdd(a.ColumnWeights[x], a.Map[from + x], sum);
                }
                total = R.MultiplyAdd(a.RowWeights[y], sum, total);
            }

            a.Bins[i] = total;
        }
    }

    internal static void PixelPerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var line = i / a.Width;
            var plane = line / a.Height;
            var image = plane / a.Channels;
            var channel = plane - image * a.Channels;
            var (h, w) = (line - plane * a.Height, i - line * a.Width);
            var sum = R.Of(0);
            for (var box = 0; box < a.Boxes; box++)
            {
                if (a.Images[box] == image) { sum += Box(a, box, (box * a.Channels + channel) * a.BinRows, h, w); }
            }

            a.Map[i] = sum;
        }
    }

    // What one box's bins owe to pixel (h, w).
    private static R Box<R>(Args<R> a, int box, int bins, int h, int w) where R : unmanaged, IReal<R>
    {
        var total = R.Of(0);
        for (var r = 0; r < a.BinRows; r++)
        {
            var row = box * a.BinRows + r;
            var y = a.RowOffsets[row] + h - a.RowStarts[row];
            if (h < a.RowStarts[row] || y >= a.RowOffsets[row + 1]) { continue; }
            var sum = R.Of(0);
            for (var c = 0; c < a.BinColumns; c++)
            {
                var column = box * a.BinColumns + c;
                var x = a.ColumnOffsets[column] + w - a.ColumnStarts[column];
                if (w < a.ColumnStarts[column] || x >= a.ColumnOffsets[column + 1]) { continue; }
                sum = R.MultiplyAdd(a.ColumnWeights[x], a.Bins[(bins + r) * a.BinColumns + c], sum);
            }

            total = R.MultiplyAdd(a.RowWeights[y], sum, total);
        }

        return total;
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> Map, Bins, RowWeights, ColumnWeights;
        public ArrayView<int> Images, RowStarts, RowOffsets, ColumnStarts, ColumnOffsets;
        public int Count, Boxes, Channels, Height, Width, BinRows, BinColumns;
    }
}
