using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Bilinear samples at given places; outside x is 0 (torch's grid_sample, mode bilinear, padding zeros). A grid
    /// value −1 … 1 spans the image: from edge to edge, or from centre to centre of the outermost pixels with <paramref
    /// name="alignCorners"/>.</summary>
    /// <param name="x">[B, C, H, W].</param> <param name="grid">[B, Ho, Wo, 2]: (x, y) of each sample.</param>
    /// <param name="alignCorners">What ±1 means.</param>
    /// <returns>[B, C, Ho, Wo].</returns>
    /// <exception cref="ShapeException">The shapes do not fit each other.</exception>
    public static Tensor GridSample(Tensor x, Tensor grid, bool alignCorners = false)
    {
        const string Op = "grid_sample";
        Check.SameFloat(Op, x, grid);
        Check.HasRank(Op, "x", x, 4, "[B, C, H, W]");
        Check.That(grid.Rank == 4 && grid.Shape[0] == x.Shape[0] && grid.Shape[3] == 2,
            $"{Op}: grid is {grid.Shape}, expected [{x.Shape[0]}, Ho, Wo, 2]");
        Check.That(x.Shape[2] > 0 && x.Shape[3] > 0, $"{Op}: x is {x.Shape}, its image is empty");
        return GridSampleOp.Run(x, grid, alignCorners);
    }
}

/// <summary>The samples' places, split where kernels need whole numbers: cell + 2 as an integer (≥ 0) and the fraction within
/// it.</summary>
internal readonly record struct SamplePlaces(Tensor CellX, Tensor CellY, Tensor X, Tensor Y)
{
    public static SamplePlaces Of(Tensor grid, int height, int width, bool alignCorners)
    {
        var (cellX, x) = Split(grid.Select(-1, 0), width, alignCorners);
        var (cellY, y) = Split(grid.Select(-1, 1), height, alignCorners);
        return new(cellX, cellY, x, y);
    }

    /// <summary>Pixels per unit of the grid.</summary>
    public static double Scale(int size, bool alignCorners) => (alignCorners ? size - 1 : size) / 2.0;

    // Beyond −2 and size + 1 all weights are 0 anyway, and the clamped place fits an integer.
    private static (Tensor Cell, Tensor Fraction) Split(Tensor grid, int size, bool alignCorners)
    {
        var place = F.Clamp(grid * Scale(size, alignCorners) + (size - 1) / 2.0, -2, size + 1) + 2;
        var cell = place.To(DType.I32);
        return (cell, place - cell.To(grid.DType));
    }
}

internal static class GridSampleOp
{
    public static Tensor Run(Tensor x, Tensor grid, bool alignCorners)
    {
        using var dense = x.ContiguousUntracked();
        var y = Tensor.EmptyLike(x, [x.Shape[0], x.Shape[1], grid.Shape[1], grid.Shape[2]]);
        using var temporary = TensorScope.Begin();
        var places = Places(grid, x.Shape, alignCorners);
        if (y.Count > 0) { Kernel.Run(y, new Launch(Pass.Forward, dense, places, y, y, 0, 0)); }
        return Tape.Record(y, new Grad(dense, places, grid.Shape, alignCorners), x, grid);
    }

    private static SamplePlaces Places(Tensor grid, Shape image, bool alignCorners)
    {
        using var noGrad = GradMode.NoGrad();
        return SamplePlaces.Of(grid, image[2], image[3], alignCorners);
    }

    private enum Pass
    {
        Forward,
        Image,
        Grid,
    }

    private sealed class Grad : GradFn
    {
        private readonly SavedTensor _x, _cellX, _cellY, _fx, _fy;
        private readonly Shape _grid;
        private readonly bool _alignCorners;

        public Grad(Tensor x, SamplePlaces p, Shape grid, bool alignCorners)
        {
            (_x, _cellX, _cellY, _fx, _fy) = (Save(x), Save(p.CellX), Save(p.CellY), Save(p.X), Save(p.Y));
            (_grid, _alignCorners) = (grid, alignCorners);
        }

        public override string Name => "grid_sample";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            Tensor x = _x;
            dy = dy.Contiguous();
            var places = new SamplePlaces(_cellX, _cellY, _fx, _fy);
            Tensor? dx = Needs(0) ? Tensor.ZerosLike(x) : null, dgrid = Needs(1) ? Tensor.Zeros(_grid, x.DType, x.Device) : null;
            double sx = SamplePlaces.Scale(x.Shape[3], _alignCorners), sy = SamplePlaces.Scale(x.Shape[2], _alignCorners);
            if (dx is not null && dy.Count > 0) { Kernel.Run(dx, new Launch(Pass.Image, dx, places, dy, dx, sx, sy)); }
            if (dgrid is not null && dy.Count > 0) { Kernel.Run(dgrid, new Launch(Pass.Grid, x, places, dy, dgrid, sx, sy)); }
            return [dx, dgrid];
        }
    }

    // image is x or dx, samples is y or dy.
    private readonly struct Launch(Pass pass, Tensor image, SamplePlaces p, Tensor samples, Tensor target, double sx,
        double sy) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var kernel = new GridSampleCpu<T>(image.Pointer<T>(), p.CellX.Pointer<int>(), p.CellY.Pointer<int>(),
                p.X.Pointer<T>(), p.Y.Pointer<T>(),
                samples.Pointer<T>(), image.Shape, samples.Shape[2] * samples.Shape[3]);
            switch (pass)
            {
                case Pass.Forward: kernel.Forward(); break;
                case Pass.Image: kernel.ImageGrad(); break;
                default: kernel.GridGrad(target.Pointer<T>(), sx, sy); break;
            }
        }

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
        {
            var args = new GridSampleGpu.Args<R>
            {
                Image = image.View<R>(),
                Samples = samples.View<R>(),
                Grid = target.View<R>(),
                CellX = p.CellX.View<int>(),
                CellY = p.CellY.View<int>(),
                X = p.X.View<R>(),
                Y = p.Y.View<R>(),
                ScaleX = R.Of(sx),
                ScaleY = R.Of(sy),
                Channels = image.Shape[1],
                Height = image.Shape[2],
                Width = image.Shape[3],
                Places = samples.Shape[2] * samples.Shape[3],
                Planes = checked(image.Shape[0] * image.Shape[1]),
            };
            args.Count = checked((int)(pass == Pass.Forward ? samples.Count : p.X.Count));
            switch (pass)
            {
                case Pass.Forward: device.LaunchElements(GridSampleGpu.SamplePerThread, args.Count, args); break;
                case Pass.Image: device.LaunchElements(GridSampleGpu.PlanePerThread, args.Planes, args); break;
                default: device.LaunchElements(GridSampleGpu.PlacePerThread, args.Count, args); break;
            }
        }
    }
}
