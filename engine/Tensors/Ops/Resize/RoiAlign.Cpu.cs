using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>One axis of the boxes' bins: a run of pixels and weights per box and bin.</summary>
internal readonly unsafe struct RoiAxis<T>(DeviceTable table, int size, int bins) where T : unmanaged
{
    private readonly int* _starts = table.Starts.Pointer<int>(), _offsets = table.Offsets.Pointer<int>();
    private readonly T* _weights = table.Weights.Pointer<T>();

    public int Size => size;

    public int Bins => bins;

    public int Start(int row) => _starts[row];

    public int Count(int row) => _offsets[row + 1] - _offsets[row];

    public T* Weights(int row) => _weights + _offsets[row];
}

// RoiAlign, separable bins. Forward: box and channel per task. Backward: plane per task, boxes in order. Traffic: the boxes'
// pixels.
internal readonly unsafe struct RoiAlignCpu<T>(T* map, T* bins, int* images, RoiAxis<T> h, RoiAxis<T> w)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 16;

    public void Forward(int boxes, int channels)
    {
        var self = this;
        CpuThreads.ForRange((long)boxes * channels, Grain, (from, to) =>
        {
            for (var i = from; i < to; i++)
            {
                self.Box((int)(i / channels), self.Image((int)(i / channels)) * channels + (int)(i % channels), i, true);
            }
        });
    }

    public void Backward(int batch, int channels, int boxes)
    {
        var self = this;
        CpuThreads.ForRange((long)batch * channels, 1, (from, to) =>
        {
            for (var plane = from; plane < to; plane++)
            {
                for (var box = 0; box < boxes; box++)
                {
                    if (self.Image(box) == plane / channels)
                    {
                        self.Box(box, plane, (long)box * channels + plane % channels, false);
                    }
                }
            }
        });
    }

    private int Image(int box) => images[box];

    private void Box(int box, long plane, long target, bool isForward)
    {
        var pixels = map + plane * h.Size * w.Size;
        var values = bins + target * h.Bins * w.Bins;
        for (var i = 0; i < h.Bins; i++)
        {
            for (var j = 0; j < w.Bins; j++)
            {
                int row = box * h.Bins + i, column = box * w.Bins + j;
                var first = pixels + h.Start(row) * w.Size + w.Start(column);
                if (isForward) { values[i * w.Bins + j] = Mean(first, row, column); }
                else { Spread(first, row, column, values[i * w.Bins + j]); }
            }
        }
    }

    private T Mean(T* first, int row, int column)
    {
        var total = T.Zero;
        for (var y = 0; y < h.Count(row); y++)
        {
            var sum = T.Zero;
            for (var x = 0; x < w.Count(column); x++) { sum += w.Weights(column)[x] * first[y * w.Size + x]; }
            total += h.Weights(row)[y] * sum;
        }

        return total;
    }

    private void Spread(T* first, int row, int column, T value)
    {
        for (var y = 0; y < h.Count(row); y++)
        {
            var share = h.Weights(row)[y] * value;
            for (var x = 0; x < w.Count(column); x++) { first[y * w.Size + x] += w.Weights(column)[x] * share; }
        }
    }
}
