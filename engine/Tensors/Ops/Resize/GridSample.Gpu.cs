using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// GridSample. SamplePerThread gathers four neighbours. PlanePerThread scatters one plane's samples in order: no atomics, and
// batch times channels planes are enough threads. PlacePerThread sums the slopes of one place over the channels.
internal static class GridSampleGpu
{
    internal static void SamplePerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var plane = i / a.Places;
            var place = plane / a.Channels * a.Places + (i - plane * a.Places);
            var four = new Neighbours<R>(a, plane, place);
            R x = a.X[place], y = a.Y[place], one = R.Of(1);
            a.Samples[i] = (four.V00 * (one - x) + four.V01 * x) * (one - y) + (four.V10 * (one - x) + four.V11 * x) * y;
        }
    }

    internal static void PlanePerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var plane = Grid.IdxX * Group.DimX + Group.IdxX; plane < a.Planes; plane += Grid.DimX * Group.DimX)
        {
            var first = plane / a.Channels * a.Places;
            for (var i = 0; i < a.Places; i++)
            {
                R x = a.X[first + i], y = a.Y[first + i], one = R.Of(1), v = a.Samples[plane * a.Places + i];
                int column = a.CellX[first + i] - 2, row = a.CellY[first + i] - 2;
                Add(a, plane, row, column, v * (one - x) * (one - y));
                Add(a, plane, row, column + 1, v * x * (one - y));
                Add(a, plane, row + 1, column, v * (one - x) * y);
                Add(a, plane, row + 1, column + 1, v * x * y);
            }
        }
    }

    internal static void PlacePerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var place = Grid.IdxX * Group.DimX + Group.IdxX; place < a.Count; place += Grid.DimX * Group.DimX)
        {
            var b = place / a.Places;
            R x = a.X[place], y = a.Y[place], one = R.Of(1), dx = R.Of(0), dy = R.Of(0);
            for (var plane = b * a.Channels; plane < (b + 1) * a.Channels; plane++)
            {
                var four = new Neighbours<R>(a, plane, place);
                var v = a.Samples[plane * a.Places + (place - b * a.Places)];
                dx += v * ((four.V01 - four.V00) * (one - y) + (four.V11 - four.V10) * y);
                dy += v * ((four.V10 - four.V00) * (one - x) + (four.V11 - four.V01) * x);
            }

            a.Grid[2 * place] = dx * a.ScaleX;
            a.Grid[2 * place + 1] = dy * a.ScaleY;
        }
    }

    private static void Add<R>(Args<R> a, int plane, int row, int column, R value) where R : unmanaged, IReal<R>
    {
        if (row < 0 || row >= a.Height || column < 0 || column >= a.Width) { return; }
        var at = (plane * a.Height + row) * a.Width + column;
        a.Image[at] = a.Image[at] + value;
    }

    private static R Pixel<R>(Args<R> a, int plane, int row, int column) where R : unmanaged, IReal<R> =>
        row < 0 || row >= a.Height || column < 0 || column >= a.Width
            ? R.Of(0) : a.Image[(plane * a.Height + row) * a.Width + column];

    private readonly struct Neighbours<R> where R : unmanaged, IReal<R>
    {
        public readonly R V00, V01, V10, V11;

        public Neighbours(Args<R> a, int plane, int place)
        {
            int column = a.CellX[place] - 2, row = a.CellY[place] - 2;
            V00 = Pixel(a, plane, row, column);
            V01 = Pixel(a, plane, row, column + 1);
            V10 = Pixel(a, plane, row + 1, column);
            V11 = Pixel(a, plane, row + 1, column + 1);
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> Image, Samples, Grid, X, Y;
        public ArrayView<int> CellX, CellY;
        public R ScaleX, ScaleY;
        public int Count, Planes, Channels, Height, Width, Places;
    }
}
