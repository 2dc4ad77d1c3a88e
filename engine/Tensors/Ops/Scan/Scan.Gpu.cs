using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

internal static class ScanGpu
{
    internal static void ColumnPerThread<TScan, R>(Args<R> a) where TScan : struct, IScan where R : unmanaged, IReal<R>
    {
        for (var t = Grid.IdxX * Group.DimX + Group.IdxX; t < a.Columns; t += Grid.DimX * Group.DimX)
        {
            var outer = t / a.Inner;
            var start = outer * a.Length * a.Inner + (t - outer * a.Inner);
            TScan.Column<R, Column<R>>(new(a.X), new(a.Y), start, a.Inner, a.Length);
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> X, Y;
        public int Columns, Length, Inner;
    }

    private readonly struct Column<R>(ArrayView<R> view) : IColumn<R> where R : unmanaged
    {
        public R Read(int index) => view[index];

        public void Write(int index, R value) => view[index] = value;
    }
}
