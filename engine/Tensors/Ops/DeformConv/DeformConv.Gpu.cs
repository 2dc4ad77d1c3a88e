using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// DeformConv, RegionTile: a group takes a tile of positions and up to eight channels of an offset group. The part of the image that the
// tile's taps reach with offsets up to Halo is copied to shared memory once; all taps then sample there, and only corners of larger
// offsets are read from the image. A place's tables are read once for the eight channels. Neighbouring threads are neighbouring
// positions: columns are written whole. SampleTile writes m·S as columns [C·taps, positions]; SlopeTile multiplies the corners with Γ
// [positions, taps, C/groups], four channels at a time where they are aligned, and writes a part of dΔ and dm per block of channels, which
// are then added in order.
// Shared memory: random offsets meet in a bank by chance; equal offsets never do.
// Ladder, sectors of this kernel over those of all operands once, [1, 64, 25, 42], 3×3 (emulator; predicted before, counted after):
//   columns, a thread per sample reading four corners in x      34 predicted (756,000 of x and 76,000 of columns)
//   RegionTile, tiles up to 32 wide                             6 predicted, 8.8 counted (rows of 21 positions fill no sectors)
//   tiles up to 64 wide (this)                                  7.4 counted
//   SlopeTile: Γ by scalars 28.6, four channels at once         10.8 counted

/// <summary>The kernels of <see cref="DeformImages{R}"/> that sample; tables as <see cref="DeformPlacesGpu"/> writes them.</summary>
internal static class DeformGpu
{
    /// <summary>Channels of a group.</summary>
    public const int Channels = 8;

    /// <summary>Pixels of the image in shared memory, at most: 40 KiB with eight channels of f64.</summary>
    public const int MaxRegion = 640;

    internal static void SampleTile<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var region = SharedMemory.Allocate<R>(Channels * MaxRegion);
        for (var item = Grid.IdxX; item < a.Items; item += Grid.DimX)
        {
            var tile = new Tile<R>(a, item);
            tile.Stage(a, region);
            Group.Barrier();
            for (var i = Group.IdxX; i < a.Taps * a.TilePositions; i += Group.DimX)
            {
                var at = new Sample<R>(a, tile, i);
                if (at.Position < 0) { continue; }
                R one = R.Of(1), m = a.HasMask != 0 ? a.Mask[at.Place] : one;
                R x = a.FractionX[at.Place], y = a.FractionY[at.Place];
                for (var k = 0; k < tile.Count; k++)
                {
                    var four = new Corners<R>(a, tile, region, at, k);
                    var value = (four.V00 * (one - x) + four.V01 * x) * (one - y) + (four.V10 * (one - x) + four.V11 * x) * y;
                    a.Columns[((tile.Channel + k) * a.Taps + at.Tap) * a.Positions + at.Position] = value * m;
                }
            }

            Group.Barrier();
        }
    }

    internal static void SlopeTile<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var region = SharedMemory.Allocate<R>(Channels * MaxRegion);
        for (var item = Grid.IdxX; item < a.Items; item += Grid.DimX)
        {
            var tile = new Tile<R>(a, item);
            tile.Stage(a, region);
            Group.Barrier();
            for (var i = Group.IdxX; i < a.Taps * a.TilePositions; i += Group.DimX)
            {
                var at = new Sample<R>(a, tile, i);
                if (at.Position < 0) { continue; }
                var d = new Four<R> { V00 = R.Of(0), V01 = R.Of(0), V10 = R.Of(0), V11 = R.Of(0) };
                for (var k = 0; k < tile.Count; k += a.Step)
                {
                    var channel = tile.Channel + k;
                    var group = channel / a.GroupChannels;
                    var row = (group * a.Positions + at.Position) * a.Taps + at.Tap;
                    var from = row * a.GroupChannels + channel - group * a.GroupChannels;
                    if (a.Step == 1)
                    {
                        d.Add(new Corners<R>(a, tile, region, at, k), a.Gamma[from]);
                        continue;
                    }

                    var gamma = a.GammaPacks[from >> 2];
                    d.Add(new Corners<R>(a, tile, region, at, k), gamma.V0);
                    d.Add(new Corners<R>(a, tile, region, at, k + 1), gamma.V1);
                    d.Add(new Corners<R>(a, tile, region, at, k + 2), gamma.V2);
                    d.Add(new Corners<R>(a, tile, region, at, k + 3), gamma.V3);
                }

                Slopes(a, tile, at, d);
            }

            Group.Barrier();
        }
    }

    private static void Slopes<R>(Args<R> a, Tile<R> tile, Sample<R> at, Four<R> d) where R : unmanaged, IReal<R>
    {
        R x = a.FractionX[at.Place], y = a.FractionY[at.Place], one = R.Of(1);
        var part = tile.Block * a.Maps * a.Taps * a.Positions;
        if (a.HasDMask != 0)
        {
            a.DMask[part + at.Place] = (d.V00 * (one - x) + d.V01 * x) * (one - y) + (d.V10 * (one - x) + d.V11 * x) * y;
        }

        if (a.HasDOffset == 0) { return; }
        var m = a.HasMask != 0 ? a.Mask[at.Place] : one;
        var to = 2 * (part + at.Place) - at.Position;
        a.DOffset[to] = m * ((one - x) * (d.V10 - d.V00) + x * (d.V11 - d.V01));
        a.DOffset[to + a.Positions] = m * ((one - y) * (d.V01 - d.V00) + y * (d.V11 - d.V10));
    }

    // A group's work: channels [Channel, Channel + Count) of all images' channels, positions from (Row, Column), and the region of the
    // image from (Top, Left).
    private readonly struct Tile<R> where R : unmanaged, IReal<R>
    {
        public readonly int Map, Block, Channel, Count, Row, Column, Top, Left;

        public Tile(Args<R> a, int item)
        {
            var plane = item / a.Tiles;
            var tile = item - plane * a.Tiles;
            Map = plane / a.Blocks;
            Block = plane - Map * a.Blocks;
            Channel = Map * a.OffsetChannels + Block * Channels;
            Count = Block * Channels + Channels < a.OffsetChannels ? Channels : a.OffsetChannels - Block * Channels;
            var line = tile / a.TilesAcross;
            Row = line * a.TileHeight;
            Column = (tile - line * a.TilesAcross) * a.TileWidth;
            Top = a.H.At(Row, 0) - a.Halo;
            Left = a.W.At(Column, 0) - a.Halo;
        }

        // The region, channel by channel; zeros outside the image.
        public void Stage(Args<R> a, ArrayView<R> region)
        {
            var pixels = a.RegionHeight * a.RegionWidth;
            for (var i = Group.IdxX; i < Count * pixels; i += Group.DimX)
            {
                var channel = i / pixels;
                var pixel = i - channel * pixels;
                var line = pixel / a.RegionWidth;
                region[i] = Pixel(a, Channel + channel, Top + line, Left + pixel - line * a.RegionWidth);
            }
        }
    }

    // The i-th tap and position of a tile; Position is −1 past the map's edge.
    private readonly struct Sample<R> where R : unmanaged, IReal<R>
    {
        public readonly int Tap, Position, Place, Row, Column, Inner;

        public Sample(Args<R> a, Tile<R> tile, int i)
        {
            Tap = i / a.TilePositions;
            var inTile = i - Tap * a.TilePositions;
            var line = inTile / a.TileWidth;
            int row = tile.Row + line, column = tile.Column + inTile - line * a.TileWidth;
            var isInside = row < a.H.Out && column < a.W.Out;
            Position = isInside ? row * a.W.Out + column : -1;
            Place = isInside ? (tile.Map * a.Taps + Tap) * a.Positions + Position : 0;
            var cell = a.Cells[Place];
            line = cell / (a.W.Size + 3);
            (Row, Column) = (line - 2, cell - line * (a.W.Size + 3) - 2);
            int regionRow = Row - tile.Top, regionColumn = Column - tile.Left;
            var isNear = regionRow >= 0 && regionRow < a.RegionHeight - 1 && regionColumn >= 0 && regionColumn < a.RegionWidth - 1;
            Inner = isNear ? regionRow * a.RegionWidth + regionColumn : -1;
        }
    }

    private readonly struct Corners<R> where R : unmanaged, IReal<R>
    {
        public readonly R V00, V01, V10, V11;

        public Corners(Args<R> a, Tile<R> tile, ArrayView<R> region, Sample<R> at, int k)
        {
            if (at.Inner >= 0)
            {
                var from = k * a.RegionHeight * a.RegionWidth + at.Inner;
                V00 = region[from];
                V01 = region[from + 1];
                V10 = region[from + a.RegionWidth];
                V11 = region[from + a.RegionWidth + 1];
                return;
            }

            var plane = tile.Channel + k;
            V00 = Pixel(a, plane, at.Row, at.Column);
            V01 = Pixel(a, plane, at.Row, at.Column + 1);
            V10 = Pixel(a, plane, at.Row + 1, at.Column);
            V11 = Pixel(a, plane, at.Row + 1, at.Column + 1);
        }
    }

    private static R Pixel<R>(Args<R> a, int plane, int row, int column) where R : unmanaged, IReal<R> =>
        row < 0 || row >= a.H.Size || column < 0 || column >= a.W.Size ? R.Of(0) : a.X[(plane * a.H.Size + row) * a.W.Size + column];

    private struct Four<R> where R : unmanaged, IReal<R>
    {
        public R V00, V01, V10, V11;

        public void Add(Corners<R> corners, R gamma)
        {
            V00 = R.MultiplyAdd(gamma, corners.V00, V00);
            V01 = R.MultiplyAdd(gamma, corners.V01, V01);
            V10 = R.MultiplyAdd(gamma, corners.V10, V10);
            V11 = R.MultiplyAdd(gamma, corners.V11, V11);
        }
    }

    internal struct Args<R> where R : unmanaged, IReal<R>
    {
        public ArrayView<Pack4<R>> GammaPacks;
        public ArrayView<R> X, Mask, FractionX, FractionY, Columns, Gamma, DOffset, DMask;
        public ArrayView<int> Cells;
        public int HasMask, HasDOffset, HasDMask, Items, Maps, Blocks, Tiles, TilesAcross, Taps, Positions, OffsetChannels, GroupChannels;
        public int TileHeight, TileWidth, TilePositions, RegionHeight, RegionWidth, Halo, Step;
        public ConvAxis H, W;
    }
}
