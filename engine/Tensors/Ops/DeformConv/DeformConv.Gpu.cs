using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// DeformConv, SampledColumns: m·S of some images as columns [C·taps, positions], then one matrix product per group; going back
// the same for dW and for Γ. Neighbouring threads are neighbouring positions: their corners, columns and offsets are neighbours too.
// dx is gathered: one thread per cell of the image strings the samples that fall into it into a list, in order (positions²
// comparisons of integers that a warp reads together), and one thread per pixel and four channels walks the lists of the four
// cells around it. No atomics; all sums in a fixed order. Traffic: taps·C·positions written and read once by the product.

/// <summary>The kernels of <see cref="DeformImages{R}"/>. A cell's number is (row + 2)·(W + 3) + column + 2 of its upper left
/// corner; a sample's table entry is ((image·offset groups + group)·taps + tap)·positions + position.</summary>
internal static class DeformGpu
{
    public static int Width(DeformGeometry g) => g.W.Size + 3;

    internal static void SamplePerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var samples = a.Taps * a.Positions;
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var plane = i / samples;
            var place = plane / a.OffsetChannels * samples + (i - plane * samples);
            var four = new Corners<R>(a, plane, a.Cells[place]);
            R x = a.FractionX[place], y = a.FractionY[place], one = R.Of(1);
            var value = (four.V00 * (one - x) + four.V01 * x) * (one - y) + (four.V10 * (one - x) + four.V11 * x) * y;
            if (a.HasMask != 0) { value *= a.Mask[place]; }
            a.Columns[i] = value;
        }
    }

    internal static void SlopePerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var samples = a.Taps * a.Positions;
        for (var place = Grid.IdxX * Group.DimX + Group.IdxX; place < a.Count; place += Grid.DimX * Group.DimX)
        {
            var group = place / samples;
            var sample = place - group * samples;
            R d00 = R.Of(0), d01 = d00, d10 = d00, d11 = d00;
            for (var plane = group * a.OffsetChannels; plane < (group + 1) * a.OffsetChannels; plane++)
            {
                var four = new Corners<R>(a, plane, a.Cells[place]);
                var gamma = a.Columns[plane * samples + sample];
                d00 = R.MultiplyAdd(gamma, four.V00, d00);
                d01 = R.MultiplyAdd(gamma, four.V01, d01);
                d10 = R.MultiplyAdd(gamma, four.V10, d10);
                d11 = R.MultiplyAdd(gamma, four.V11, d11);
            }

            R x = a.FractionX[place], y = a.FractionY[place], one = R.Of(1);
            if (a.HasDMask != 0) { a.DMask[place] = (d00 * (one - x) + d01 * x) * (one - y) + (d10 * (one - x) + d11 * x) * y; }
            if (a.HasDOffset == 0) { continue; }
            var m = a.HasMask != 0 ? a.Mask[place] : one;
            var map = place / a.Positions;
            var at = (place - map * a.Positions) + 2 * map * a.Positions;
            a.DOffset[at] = m * ((one - x) * (d10 - d00) + x * (d11 - d01));
            a.DOffset[at + a.Positions] = m * ((one - y) * (d01 - d00) + y * (d11 - d10));
        }
    }

    internal static void CellPerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var samples = a.Taps * a.Positions;
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var group = i / a.ImageCells;
            var cell = i - group * a.ImageCells;
            var last = -1;
            for (var place = group * samples; place < (group + 1) * samples; place++)
            {
                if (a.Cells[place] != cell) { continue; }
                if (last < 0) { a.Heads[i] = place; } else { a.Next[last] = place; }
                last = place;
            }

            if (last < 0) { a.Heads[i] = -1; } else { a.Next[last] = -1; }
        }
    }

    internal static void PixelPerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var inputs = a.Height * a.Width;
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Count; i += Grid.DimX * Group.DimX)
        {
            var block = i / inputs;
            var pixel = i - block * inputs;
            var group = block / a.Quads;
            var row = pixel / a.Width;
            var cell = group * a.ImageCells + (row + 2) * (a.Width + 3) + (pixel - row * a.Width) + 2;
            var first = group * a.OffsetChannels + (block - group * a.Quads) * 4;
            var planes = new Planes(first, (group + 1) * a.OffsetChannels - 1);
            var sum = new Sums<R>();
            Walk(a, planes, a.Heads[cell], group, 0, 0, ref sum);
            Walk(a, planes, a.Heads[cell - 1], group, 0, 1, ref sum);
            Walk(a, planes, a.Heads[cell - a.Width - 3], group, 1, 0, ref sum);
            Walk(a, planes, a.Heads[cell - a.Width - 4], group, 1, 1, ref sum);
            a.Dx[planes.P0 * inputs + pixel] = sum.S0;
            if (planes.P1 > planes.P0) { a.Dx[planes.P1 * inputs + pixel] = sum.S1; }
            if (planes.P2 > planes.P1) { a.Dx[planes.P2 * inputs + pixel] = sum.S2; }
            if (planes.P3 > planes.P2) { a.Dx[planes.P3 * inputs + pixel] = sum.S3; }
        }
    }

    // The shares of one cell's samples in the pixel that is its corner (below, right).
    private static void Walk<R>(Args<R> a, Planes planes, int head, int group, int below, int right, ref Sums<R> sum)
        where R : unmanaged, IReal<R>
    {
        var samples = a.Taps * a.Positions;
        var one = R.Of(1);
        for (var place = head; place >= 0; place = a.Next[place])
        {
            R x = a.FractionX[place], y = a.FractionY[place];
            var weight = (below != 0 ? y : one - y) * (right != 0 ? x : one - x);
            if (a.HasMask != 0) { weight *= a.Mask[place]; }
            var sample = place - group * samples;
            sum.S0 = R.MultiplyAdd(weight, a.Columns[planes.P0 * samples + sample], sum.S0);
            sum.S1 = R.MultiplyAdd(weight, a.Columns[planes.P1 * samples + sample], sum.S1);
            sum.S2 = R.MultiplyAdd(weight, a.Columns[planes.P2 * samples + sample], sum.S2);
            sum.S3 = R.MultiplyAdd(weight, a.Columns[planes.P3 * samples + sample], sum.S3);
        }
    }

    private static R Pixel<R>(Args<R> a, int plane, int row, int column) where R : unmanaged, IReal<R> =>
        row < 0 || row >= a.Height || column < 0 || column >= a.Width
            ? R.Of(0) : a.X[(plane * a.Height + row) * a.Width + column];

    private readonly struct Corners<R> where R : unmanaged, IReal<R>
    {
        public readonly R V00, V01, V10, V11;

        public Corners(Args<R> a, int plane, int cell)
        {
            var line = cell / (a.Width + 3);
            int row = line - 2, column = cell - line * (a.Width + 3) - 2;
            V00 = Pixel(a, plane, row, column);
            V01 = Pixel(a, plane, row, column + 1);
            V10 = Pixel(a, plane, row + 1, column);
            V11 = Pixel(a, plane, row + 1, column + 1);
        }
    }

    private struct Sums<R> where R : unmanaged
    {
        public R S0, S1, S2, S3;
    }

    // Up to four channels of one offset group; beyond its end the last repeats.
    private readonly struct Planes(int first, int last)
    {
        public readonly int P0 = first;
        public readonly int P1 = first < last ? first + 1 : last;
        public readonly int P2 = first + 1 < last ? first + 2 : last;
        public readonly int P3 = first + 2 < last ? first + 3 : last;
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> X, Mask, FractionX, FractionY, Columns, Dx, DOffset, DMask;
        public ArrayView<int> Cells, Heads, Next;
        public int HasMask, HasDOffset, HasDMask, Count, Taps, Positions, OffsetChannels, Height, Width, ImageCells, Quads;

        public Args(DeformGeometry g)
        {
            (X, Mask, FractionX, FractionY, Columns, Dx, DOffset, DMask) = (default, default, default, default, default, default,
                default, default);
            (Cells, Heads, Next, HasMask, HasDOffset, HasDMask, Count, ImageCells) = (default, default, default, 0, 0, 0, 0, 0);
            (Taps, Positions, OffsetChannels, Height, Width) = (g.Taps, g.Positions, g.OffsetChannels, g.H.Size, g.W.Size);
            Quads = (g.OffsetChannels + 3) / 4;
        }
    }
}
