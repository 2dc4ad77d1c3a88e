using System;
using System.Collections.Generic;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>A deformable convolution on a GPU, as many whole images at a time as their columns fit the room for them. See
/// <see cref="DeformGpu"/> for the schedule.</summary>
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
        var offset = operands.Offset.Reshape(g.Batch, g.OffsetGroups, g.Taps, 2, g.H.Out, g.W.Out);
        var (row, y) = Split(offset.Select(3, 0), g.H, isRow: true);
        var (column, x) = Split(offset.Select(3, 1), g.W, isRow: false);
        (_cells, _y, _x) = ((row * DeformGpu.Width(g) + column).To(DType.I32), y, x);
    }

    /// <summary>m·S as [images, C·taps, positions].</summary>
    public Tensor Columns()
    {
        var columns = NewColumns();
        var args = Args();
        args.Columns = columns.View<R>();
        args.Count = checked((int)columns.Count);
        _gpu.LaunchElements(DeformGpu.SamplePerThread, args.Count, args);
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

    /// <summary>Γ = Wᵀ·g as [images, C·taps, positions].</summary>
    public Tensor Spread(Tensor slope)
    {
        var gamma = NewColumns();
        Kernel.Run(gamma, new GemmLaunch(ByGroup(gamma), _weight.T(), slope));
        return gamma;
    }

    /// <summary>dΔ and dm, each of which may be null.</summary>
    public void Slopes(Tensor gamma, Tensor? dOffset, Tensor? dMask)
    {
        if (dOffset is null && dMask is null) { return; }
        var args = Args();
        args.Columns = gamma.View<R>();
        if (dOffset is not null) { (args.DOffset, args.HasDOffset) = (dOffset.View<R>(), 1); }
        if (dMask is not null) { (args.DMask, args.HasDMask) = (dMask.View<R>(), 1); }
        args.Count = checked((int)_cells.Count);
        _gpu.LaunchElements(DeformGpu.SlopePerThread, args.Count, args);
    }

    /// <summary>dx from Γ.</summary>
    public void Gather(Tensor gamma, Tensor dx)
    {
        var cells = DeformGpu.Width(_g) * (_g.H.Size + 3);
        var heads = Tensor.Empty([checked(_g.Batch * _g.OffsetGroups * cells)], DType.I32, _gpu);
        var next = Tensor.EmptyLike(_cells);
        var args = Args();
        (args.Columns, args.Dx) = (gamma.View<R>(), dx.View<R>());
        (args.Heads, args.Next, args.ImageCells) = (heads.View<int>(), next.View<int>(), cells);
        args.Count = (int)heads.Count;
        _gpu.LaunchElements(DeformGpu.CellPerThread, args.Count, args);
        args.Count = checked(_g.Batch * _g.OffsetGroups * args.Quads * _g.Inputs);
        _gpu.LaunchElements(DeformGpu.PixelPerThread, args.Count, args);
    }

    private Tensor NewColumns() => Tensor.EmptyLike(_operands.X, [_g.Batch, _g.RowLength, _g.Positions]);

    private Tensor ByGroup(Tensor columns) => columns.Reshape(_g.Batch, _g.Groups, _g.Depth, _g.Positions);

    // Cell + 2 as a whole number, 0 outside the box, and the fraction within the cell; NaN where the offset is not finite. The
    // offset is cut before the position is added, so that no bit of the fraction is lost; by far it is outside from anywhere.
    private (Tensor Cell, Tensor Fraction) Split(Tensor offset, ConvAxis axis, bool isRow)
    {
        var far = 2 * (axis.Size + axis.Padding) + 4;
        var bounded = F.Clamp(offset, -far, far);
        var floor = (bounded + far).To(DType.I32).To(offset.DType) - far;
        var fraction = bounded - floor + offset * 0;
        var cell = floor + Grid(axis, isRow);
        var outside = Tensor.Full([], -2, offset.DType, offset.Device);
        return (F.Clamp(F.Where(F.Greater(cell + fraction, -1), cell, outside), -2, axis.Size) + 2, fraction);
    }

    // Where the taps sample without offsets, for the tables' shape.
    private Tensor Grid(ConvAxis axis, bool isRow)
    {
        var places = new double[_g.Taps * axis.Out];
        for (var i = 0; i < places.Length; i++)
        {
            var tap = i / axis.Out;
            places[i] = axis.At(i % axis.Out, isRow ? tap / _g.W.Kernel : tap % _g.W.Kernel);
        }

        return Tensor.FromDoubles(places, isRow ? [_g.Taps, axis.Out, 1] : [_g.Taps, 1, axis.Out], _operands.X.DType, _gpu);
    }

    private DeformGpu.Args<R> Args()
    {
        var args = new DeformGpu.Args<R>(_g) { X = _operands.X.View<R>(), Cells = _cells.View<int>(), FractionY = _y.View<R>() };
        args.FractionX = _x.View<R>();
        (args.Mask, args.HasMask) = ((_operands.Mask ?? _operands.X).View<R>(), _operands.Mask is null ? 0 : 1);
        // A kernel's views must not be empty, used or not.
        (args.Columns, args.Dx, args.DOffset, args.DMask) = (args.X, args.X, args.X, args.X);
        (args.Heads, args.Next) = (args.Cells, args.Cells);
        return args;
    }
}
