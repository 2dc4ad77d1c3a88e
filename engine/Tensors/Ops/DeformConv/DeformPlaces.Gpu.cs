using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Where the taps sample, LocatePerThread: each offset is read once, each of the three tables written once; neighbouring threads are
// neighbouring positions.

/// <summary>Offsets as cells and fractions. A cell's number is (row + 2)·(W + 3) + column + 2 of its upper left corner, each 0 outside
/// the box; an entry's is ((image·offset groups + group)·taps + tap)·positions + position.</summary>
internal static class DeformPlacesGpu
{
    internal static void LocatePerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var place = Grid.IdxX * Group.DimX + Group.IdxX; place < a.Count; place += Grid.DimX * Group.DimX)
        {
            var map = place / a.Positions;
            var position = place - map * a.Positions;
            var tap = map % a.Taps;
            var tapRow = tap / a.W.Kernel;
            var row = position / a.W.Out;
            var at = 2 * map * a.Positions + position;
            var vertical = new Split<R>(a.Offset[at], a.H, a.H.At(row, tapRow));
            var horizontal = new Split<R>(a.Offset[at + a.Positions], a.W, a.W.At(position - row * a.W.Out, tap - tapRow * a.W.Kernel));
            a.Cell[place] = R.MultiplyAdd(vertical.Cell, R.OfInt(a.W.Size + 3), horizontal.Cell);
            a.FractionY[place] = vertical.Fraction;
            a.FractionX[place] = horizontal.Fraction;
        }
    }

    // Cell + 2 as a whole number, 0 outside the box, and the fraction within the cell; NaN where the offset is not finite. The
    // offset is cut before the position is added, so that no bit of the fraction is lost; by far it is outside from anywhere.
    private readonly struct Split<R> where R : unmanaged, IReal<R>
    {
        public readonly R Cell, Fraction;

        public Split(R offset, ConvAxis axis, int origin)
        {
            R far = R.OfInt(2 * (axis.Size + axis.Padding) + 4), outside = R.OfInt(-2);
            var bounded = R.Min(far, R.Max(-far, offset));
            var floor = R.Floor(bounded);
            Fraction = bounded - floor + offset * R.Of(0);
            var cell = floor + R.OfInt(origin);
            cell = R.IfGreater(cell + Fraction, R.OfInt(-1), cell, outside);
            Cell = R.Min(R.OfInt(axis.Size), cell) + R.OfInt(2);
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> Offset, Cell, FractionY, FractionX;
        public int Count, Taps, Positions;
        public ConvAxis H, W;
    }
}
