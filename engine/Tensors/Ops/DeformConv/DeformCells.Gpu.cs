using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// DeformConv, dx by CellLists: the samples are sorted by cell (DeformSort.Gpu.cs), then each pixel adds up the samples of the four cells
// around it, in order. With n = positions·taps samples: O(n + cells), against O(n·cells) comparisons of CompareAll before. No atomics.
// ChannelsPerThread: neighbouring threads are neighbouring channels of one pixel, so that a sample's Γ, channels last, is read in whole
// sectors; a thread holds four channels, so that each list entry meets four of them. Γ is read four times, once per corner; dx is turned
// to planes through shared memory and written in whole sectors. [1, 64, 25, 42], 3×3: 302,000 sectors of Γ and 75,000 of lists predicted,
// 376,000 counted; sort and lists 168,000; CompareAll with a thread per pixel and four channels: most of 29.5 million.

/// <summary>Lists of the samples that fall into each cell, and dx from them.</summary>
internal static class DeformCellsGpu
{
    private const int MaxThreads = 256;

    /// <summary>Pixels of a group of <see cref="ChannelsPerThread"/>: a sector of f32.</summary>
    public const int Pixels = 8;

    /// <summary>Channels of a thread.</summary>
    public const int Channels = 4;

    private const int Pitch = Pixels + 2; // neighbouring channels of two pixels in different banks

    // A list begins and ends where the cell changes.
    internal static void BoundPerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var slot = Grid.IdxX * Group.DimX + Group.IdxX; slot < a.Places; slot += Grid.DimX * Group.DimX)
        {
            var place = a.Order[slot];
            var cell = Cell(a, place);
            if (slot == 0 || Cell(a, a.Order[slot - 1]) != cell) { a.Starts[cell] = slot; }
            if (slot == a.Places - 1 || Cell(a, a.Order[slot + 1]) != cell) { a.Ends[cell] = slot + 1; }
            Enter(a, slot, place);
        }
    }

    // The Γ row of a sample and its shares of the four corners.
    private static void Enter<R>(Args<R> a, int slot, int place) where R : unmanaged, IReal<R>
    {
        var map = place / a.Positions;
        a.Rows[slot] = (place - map * a.Positions) * a.Taps + map % a.Taps;
        R x = a.FractionX[place], y = a.FractionY[place], one = R.Of(1);
        var m = a.HasMask != 0 ? a.Mask[place] : one;
        a.Shares[4 * slot] = (one - y) * (one - x) * m;
        a.Shares[4 * slot + 1] = (one - y) * x * m;
        a.Shares[4 * slot + 2] = y * (one - x) * m;
        a.Shares[4 * slot + 3] = y * x * m;
    }

    internal static void ChannelsPerThread<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var turned = SharedMemory.Allocate<R>(Channels * MaxThreads / Pixels * Pitch);
        var lanes = Group.DimX / Pixels;
        var pixelBlocks = (a.Inputs + Pixels - 1) / Pixels;
        for (var item = Grid.IdxX; item < a.Items; item += Grid.DimX)
        {
            var block = item / pixelBlocks;
            var map = block / a.ChannelBlocks;
            var first = (block - map * a.ChannelBlocks) * lanes * Channels;
            var firstPixel = (item - block * pixelBlocks) * Pixels;
            var lane = Group.IdxX % lanes;
            var row = Group.IdxX / lanes;
            var sum = new Sums<R>();
            if (firstPixel + row < a.Inputs) { sum = Pixel(a, map, firstPixel + row, first + lane, lanes); }
            turned[lane * Pitch + row] = sum.S0;
            turned[(lane + lanes) * Pitch + row] = sum.S1;
            turned[(lane + 2 * lanes) * Pitch + row] = sum.S2;
            turned[(lane + 3 * lanes) * Pitch + row] = sum.S3;
            Group.Barrier();
            for (var i = Group.IdxX; i < lanes * Channels * Pixels; i += Group.DimX)
            {
                var channel = i / Pixels;
                var pixel = i - channel * Pixels;
                if (first + channel >= a.OffsetChannels || firstPixel + pixel >= a.Inputs) { continue; }
                a.Dx[(map * a.OffsetChannels + first + channel) * a.Inputs + firstPixel + pixel] = turned[channel * Pitch + pixel];
            }

            Group.Barrier();
        }
    }

    // Four channels of a pixel, a step apart; beyond the offset group's end the last repeats.
    private static Sums<R> Pixel<R>(Args<R> a, int map, int pixel, int channel, int step) where R : unmanaged, IReal<R>
    {
        var line = pixel / a.Width;
        var cell = map * a.ImageCells + (line + 2) * (a.Width + 3) + (pixel - line * a.Width) + 2;
        var last = a.OffsetChannels - 1;
        var from = new Four
        {
            C0 = Gamma(a, map, Least(channel, last)),
            C1 = Gamma(a, map, Least(channel + step, last)),
            C2 = Gamma(a, map, Least(channel + 2 * step, last)),
            C3 = Gamma(a, map, Least(channel + 3 * step, last)),
        };
        var sum = new Sums<R>();
        Walk(a, from, cell, 0, ref sum);
        Walk(a, from, cell - 1, 1, ref sum);
        Walk(a, from, cell - a.Width - 3, 2, ref sum);
        Walk(a, from, cell - a.Width - 4, 3, ref sum);
        return sum;
    }

    // The shares of one cell's samples in the pixel that is its corner.
    private static void Walk<R>(Args<R> a, Four from, int cell, int corner, ref Sums<R> sum) where R : unmanaged, IReal<R>
    {
        var end = a.Ends[cell];
        for (var slot = a.Starts[cell]; slot < end; slot++)
        {
            var share = a.Shares[4 * slot + corner];
            var row = a.Rows[slot] * a.GroupChannels;
            sum.S0 = R.MultiplyAdd(share, a.Gamma[row + from.C0], sum.S0);
            sum.S1 = R.MultiplyAdd(share, a.Gamma[row + from.C1], sum.S1);
            sum.S2 = R.MultiplyAdd(share, a.Gamma[row + from.C2], sum.S2);
            sum.S3 = R.MultiplyAdd(share, a.Gamma[row + from.C3], sum.S3);
        }
    }

    // Start of a channel of an image's Γ [groups, positions, taps, C/groups]; map is image·offset groups + offset group.
    private static int Gamma<R>(Args<R> a, int map, int inMap) where R : unmanaged, IReal<R>
    {
        var channel = map * a.OffsetChannels + inMap;
        var group = channel / a.GroupChannels;
        return group * a.Samples * a.GroupChannels + channel - group * a.GroupChannels;
    }

    private static int Cell<R>(Args<R> a, int place) where R : unmanaged, IReal<R> =>
        place / a.Samples * a.ImageCells + a.Cells[place];

    private static int Least(int a, int b) => a < b ? a : b;

    private struct Four
    {
        public int C0, C1, C2, C3;
    }

    private struct Sums<R> where R : unmanaged
    {
        public R S0, S1, S2, S3;
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> Mask, FractionX, FractionY, Gamma, Shares, Dx;
        public ArrayView<int> Cells, Order, Starts, Ends, Rows;
        public int HasMask, Places, Samples, Taps, Positions, OffsetChannels, GroupChannels, ChannelBlocks, Height, Width, Inputs;
        public int ImageCells, Items;
    }
}
