using System;
using System.Collections.Generic;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>A deformable convolution on a GPU, as many whole images at a time as their columns fit the room for them: offsets to places
/// (<see cref="DeformPlacesGpu"/>), m·S as columns (<see cref="DeformGpu"/>), then one matrix product per group; going back the same for
/// dW and, with Γ channels last, for dΔ, dm and dx (<see cref="DeformCellsGpu"/>). No float atomics; all sums in a fixed order.</summary>
/// <remarks>Sectors of forward; backward over those of all operands and results once, [1, 64, 25, 42], 3×3, counted by the emulator:
/// a thread per sample, products from registers, cells against all samples 281; 754; samples from shared memory, products by shared
/// tiles, cells from a sort 18; 54; Γ read four channels at a time, tiles up to 64 wide 16.7; 41.7. What is left is mostly columns and Γ,
/// nine times x each, on their way through the products.</remarks>
internal static class DeformImageRuns
{
    private const long ColumnBytes = 256 << 20;

    public static void Forward<R>(GpuDevice gpu, DeformGeometry g, DeformOperands operands, Tensor y)
        where R : unmanaged, IReal<R>
    {
        foreach (var (first, count) in Chunks(g, y.DType.Size()))
        {
            using var temporary = TensorScope.Begin();
            var part = new DeformImages<R>(gpu, g with { Batch = count }, Part(operands, first, count));
            part.Multiply(part.Columns(), y.Slice(0, first, count));
        }
    }

    public static void Backward<R>(GpuDevice gpu, DeformGeometry g, DeformOperands operands, Tensor dy, DeformGradients to)
        where R : unmanaged, IReal<R>
    {
        foreach (var (first, count) in Chunks(g, dy.DType.Size()))
        {
            using var temporary = TensorScope.Begin();
            var part = new DeformImages<R>(gpu, g with { Batch = count }, Part(operands, first, count));
            var slope = dy.Slice(0, first, count).Reshape(count, g.Groups, g.GroupOutputs, g.Positions);
            if (to.Weight is not null) { part.Correlate(slope, to.Weight); }
            if (to.X is null && to.Offset is null && to.Mask is null) { continue; }
            var gamma = part.Spread(slope);
            part.Slopes(gamma, to.Offset?.Slice(0, first, count), to.Mask?.Slice(0, first, count));
            if (to.X is not null) { part.Gather(gamma, to.X.Slice(0, first, count)); }
        }
    }

    private static IEnumerable<(int First, int Count)> Chunks(DeformGeometry g, int size)
    {
        var step = (int)Math.Clamp(ColumnBytes / ((long)g.RowLength * g.Positions * size), 1, g.Batch);
        for (var first = 0; first < g.Batch; first += step) { yield return (first, Math.Min(step, g.Batch - first)); }
    }

    private static DeformOperands Part(DeformOperands o, int first, int count) => o with
    {
        X = o.X.Slice(0, first, count),
        Offset = o.Offset.Slice(0, first, count),
        Mask = o.Mask?.Slice(0, first, count),
    };
}

/// <summary>Some images of a deformable convolution on a GPU: where their taps sample, and the passes over them.</summary>
internal readonly struct DeformImages<R> where R : unmanaged, IReal<R>
{
    private readonly GpuDevice _gpu;
    private readonly DeformGeometry _g;
    private readonly DeformOperands _operands;
    private readonly Tensor _weight, _cells, _y, _x; // tables [images, offset groups, taps, Ho, Wo]

    public DeformImages(GpuDevice gpu, DeformGeometry g, DeformOperands operands)
    {
        (_gpu, _g, _operands) = (gpu, g, operands);
        _weight = operands.Weight.Reshape(g.Groups, g.GroupOutputs, g.Depth);
        var cells = Tensor.EmptyLike(operands.Offset, [g.Batch, g.OffsetGroups, g.Taps, g.H.Out, g.W.Out]);
        (_y, _x) = (Tensor.EmptyLike(cells), Tensor.EmptyLike(cells));
        var args = new DeformPlacesGpu.Args<R>
        {
            Offset = operands.Offset.View<R>(),
            Cell = cells.View<R>(),
            FractionY = _y.View<R>(),
            FractionX = _x.View<R>(),
            Count = checked((int)cells.Count),
            Taps = g.Taps,
            Positions = g.Positions,
            H = g.H,
            W = g.W,
        };
        gpu.LaunchElements(DeformPlacesGpu.LocatePerThread, args.Count, args);
        _cells = cells.To(DType.I32);
    }

    /// <summary>m·S as [images, C·taps, positions].</summary>
    public Tensor Columns()
    {
        var columns = Tensor.EmptyLike(_operands.X, [_g.Batch, _g.RowLength, _g.Positions]);
        var args = Args();
        args.Columns = columns.View<R>();
        _gpu.LaunchGroups(DeformGpu.SampleTile, args.Items, args);
        return columns;
    }

    /// <summary>y = W·columns.</summary>
    public void Multiply(Tensor columns, Tensor y)
    {
        var target = y.Reshape(_g.Batch, _g.Groups, _g.GroupOutputs, _g.Positions);
        Kernel.Run(target, new GemmLaunch(target, _weight, ByGroup(columns)));
    }

    /// <summary>dW += Σ g·columnsᵀ over the images.</summary>
    public void Correlate(Tensor slope, Tensor dw)
    {
        var perImage = F.Product(slope, ByGroup(Columns()).T());
        var sum = F.Sum(perImage, [0]).Reshape(dw.Shape);
        CopyOp.AddInPlace(dw, sum);
    }

    /// <summary>Γ = gᵀ·W as [images, groups, positions, taps·C/groups], channels last.</summary>
    public Tensor Spread(Tensor slope)
    {
        var gamma = Tensor.EmptyLike(_operands.X, [_g.Batch, _g.Groups, _g.Positions, _g.Depth]);
        var byTap = _weight.Reshape(_g.Groups, _g.GroupOutputs, _g.GroupChannels, _g.Taps).Transpose(2, 3).Contiguous();
        Kernel.Run(gamma, new GemmLaunch(gamma, slope.T(), byTap.Reshape(_weight.Shape)));
        return gamma;
    }

    /// <summary>dΔ and dm, each of which may be null.</summary>
    public void Slopes(Tensor gamma, Tensor? dOffset, Tensor? dMask)
    {
        if (dOffset is null && dMask is null) { return; }
        var args = Args();
        args.Gamma = gamma.View<R>();
        if (_g.GroupChannels % 4 == 0 && _g.OffsetChannels % 4 == 0) { (args.GammaPacks, args.Step) = (args.Gamma.Cast<Pack4<R>>(), 4); }
        var (offsets, masks) = (Parts(dOffset, args.Blocks), Parts(dMask, args.Blocks));
        if (offsets is not null) { (args.DOffset, args.HasDOffset) = (offsets.View<R>(), 1); }
        if (masks is not null) { (args.DMask, args.HasDMask) = (masks.View<R>(), 1); }
        _gpu.LaunchGroups(DeformGpu.SlopeTile, args.Items, args);
        if (args.Blocks == 1) { return; }
        if (dOffset is not null) { CopyOp.Into(dOffset, F.Sum(offsets!, [0])); }
        if (dMask is not null) { CopyOp.Into(dMask, F.Sum(masks!, [0])); }
    }

    /// <summary>dx from Γ.</summary>
    public void Gather(Tensor gamma, Tensor dx)
    {
        var maps = _g.Batch * _g.OffsetGroups;
        var lanes = _gpu.GroupSize / DeformCellsGpu.Pixels;
        var args = CellArgs((_g.H.Size + 3) * (_g.W.Size + 3));
        (args.Gamma, args.Dx) = (gamma.View<R>(), dx.View<R>());
        args.ChannelBlocks = Ceiling(_g.OffsetChannels, lanes * DeformCellsGpu.Channels);
        args.Items = checked(maps * args.ChannelBlocks * Ceiling(_g.Inputs, DeformCellsGpu.Pixels));
        _gpu.LaunchElements(DeformCellsGpu.BoundPerThread, args.Places, args);
        _gpu.LaunchGroups(DeformCellsGpu.ChannelsPerThread, args.Items, args);
    }

    private static Tensor? Parts(Tensor? whole, int blocks) =>
        whole is null || blocks == 1 ? whole : Tensor.EmptyLike(whole, [blocks, .. whole.Shape]);

    private static int Ceiling(int a, int b) => (a + b - 1) / b;

    private Tensor ByGroup(Tensor columns) => columns.Reshape(_g.Batch, _g.Groups, _g.Depth, _g.Positions);

    private DeformGpu.Args<R> Args()
    {
        var (tiles, x) = (new DeformTiles(_g, DeformGpu.MaxRegion), _operands.X.View<R>());
        var (maps, blocks) = (_g.Batch * _g.OffsetGroups, Ceiling(_g.OffsetChannels, DeformGpu.Channels));
        return new DeformGpu.Args<R>
        {
            X = x,
            Mask = (_operands.Mask ?? _operands.X).View<R>(),
            FractionX = _x.View<R>(),
            FractionY = _y.View<R>(),
            Cells = _cells.View<int>(),
            // A kernel's views must not be empty, used or not.
            Columns = x,
            Gamma = x,
            GammaPacks = Tensor.EmptyLike(_x, [4]).View<R>().Cast<Pack4<R>>(),
            Step = 1,
            DOffset = x,
            DMask = x,
            HasMask = _operands.Mask is null ? 0 : 1,
            Items = checked(maps * blocks * tiles.Count),
            Maps = maps,
            Blocks = blocks,
            Tiles = tiles.Count,
            TilesAcross = tiles.Across,
            Taps = _g.Taps,
            Positions = _g.Positions,
            OffsetChannels = _g.OffsetChannels,
            GroupChannels = _g.GroupChannels,
            TileHeight = tiles.Height,
            TileWidth = tiles.Width,
            TilePositions = tiles.Height * tiles.Width,
            RegionHeight = tiles.RegionHeight,
            RegionWidth = tiles.RegionWidth,
            Halo = DeformTiles.Halo,
            H = _g.H,
            W = _g.W,
        };
    }

    private DeformCellsGpu.Args<R> CellArgs(int cells)
    {
        var (samples, device) = (checked((int)_cells.Count), (Device)_gpu);
        ILGPU.ArrayView<int> PerCell(int maps) => Tensor.Zeros([checked(maps * cells)], DType.I32, device).View<int>();
        return new DeformCellsGpu.Args<R>
        {
            Mask = (_operands.Mask ?? _operands.X).View<R>(),
            FractionX = _x.View<R>(),
            FractionY = _y.View<R>(),
            Cells = _cells.View<int>(),
            Order = DeformSortGpu.Run(_gpu, _cells, _g.Taps * _g.Positions, cells).View<int>(),
            Starts = PerCell(_g.Batch * _g.OffsetGroups),
            Ends = PerCell(_g.Batch * _g.OffsetGroups),
            Rows = Tensor.EmptyLike(_cells).View<int>(),
            Shares = Tensor.EmptyLike(_x, [checked(4 * samples)]).View<R>(),
            HasMask = _operands.Mask is null ? 0 : 1,
            Places = samples,
            Samples = _g.Taps * _g.Positions,
            Taps = _g.Taps,
            Positions = _g.Positions,
            OffsetChannels = _g.OffsetChannels,
            GroupChannels = _g.GroupChannels,
            Height = _g.H.Size,
            Width = _g.W.Size,
            Inputs = _g.Inputs,
            ImageCells = cells,
        };
    }
}
