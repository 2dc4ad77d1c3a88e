using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Cuts boxes out of a map: each of h × w bins is the mean of bilinear samples spread evenly in it (Mask R-CNN,
    /// arXiv 1703.06870, sec. 3; torchvision's roi_align). Differentiable in x; boxes are constants.</summary>
    /// <param name="x">[B, C, H, W].</param> <param name="boxes">[R, 5]: image number, x1, y1, x2, y2; read on the host.</param>
    /// <param name="size">Bins h, w.</param> <param name="spatialScale">Map pixels per box unit.</param>
    /// <param name="samplingRatio">Samples per bin and axis; ≤ 0 takes ⌈box size / bins⌉.</param>
    /// <param name="aligned">Shifts boxes by half a pixel, so that pixel centres lie at half integers; else boxes are at least 1
    /// pixel.</param>
    /// <returns>[R, C, h, w].</returns>
    /// <exception cref="ShapeException">Shapes do not fit, or a box names an image that does not exist.</exception>
    public static Tensor RoiAlign(Tensor x, Tensor boxes, Size2 size, double spatialScale = 1, int samplingRatio = -1,
        bool aligned = false)
    {
        const string Op = "roi_align";
        Check.SameFloat(Op, x, boxes);
        Check.HasRank(Op, "x", x, 4, "[B, C, H, W]");
        Check.That(boxes.Rank == 2 && boxes.Shape[1] == 5,
            $"{Op}: boxes is {boxes.Shape}, expected [R, 5] (image, x1, y1, x2, y2)");
        Check.That(size.Height > 0 && size.Width > 0, $"{Op}: size {size} must be positive");
        var values = OnHost(boxes);
        var images = new int[boxes.Shape[0]];
        for (var r = 0; r < images.Length; r++)
        {
            images[r] = (int)values[5 * r];
            Check.That(images[r] >= 0 && images[r] < x.Shape[0], $"{Op}: box {r} names image {images[r]}, x has {x.Shape[0]}");
        }

        var grid = new RoiGrid(values, spatialScale, samplingRatio, aligned);
        return RoiAlignOp.Run(x, images, grid.Axis(x.Shape[2], size.Height, 2), grid.Axis(x.Shape[3], size.Width, 1));
    }

    private static double[] OnHost(Tensor t)
    {
        using var scope = TensorScope.Begin();
        return t.Detach().To(DType.F64).ToArray<double>();
    }
}

/// <summary>Bilinear sampling in evenly spread points is separable: one table row per box and bin on each axis.</summary>
internal readonly record struct RoiGrid(double[] Boxes, double SpatialScale, int SamplingRatio, bool Aligned)
{
    /// <param name="size">Pixels.</param>
    /// <param name="bins">Bins per box.</param>
    /// <param name="low">Column of the box's lower edge.</param>
    public AxisTable Axis(int size, int bins, int low)
    {
        var grid = this;
        return AxisTable.Of(size, Boxes.Length / 5 * bins, row => grid.Bin(size, bins, row % bins, row / bins * 5 + low));
    }

    private (int Start, double[] Weights) Bin(int size, int bins, int bin, int at)
    {
        var shift = Aligned ? 0.5 : 0;
        double start = Boxes[at] * SpatialScale - shift, length = Boxes[at + 2] * SpatialScale - shift - start;
        if (!Aligned) { length = Math.Max(length, 1); }
        var step = length / bins;
        var samples = SamplingRatio > 0 ? SamplingRatio : (int)Math.Ceiling(step);
        var (weights, first, last) = (new double[size], size, -1);
        for (var i = 0; i < samples; i++)
        {
            var p = start + bin * step + (i + 0.5) * step / samples;
            if (p < -1 || p > size) { continue; }
            p = Math.Clamp(p, 0, size - 1);
            int cell = (int)p, next = Math.Min(cell + 1, size - 1);
            weights[cell] += (1 - (p - cell)) / samples;
            weights[next] += (p - cell) / samples;
            (first, last) = (Math.Min(first, cell), Math.Max(last, next));
        }

        return last < 0 ? (0, []) : (first, weights[first..(last + 1)]);
    }
}

internal static class RoiAlignOp
{
    public static Tensor Run(Tensor x, int[] images, AxisTable rows, AxisTable columns)
    {
        using var dense = x.ContiguousUntracked();
        var count = Math.Max(1, images.Length);
        var y = Tensor.EmptyLike(x, [images.Length, x.Shape[1], rows.Outputs / count, columns.Outputs / count]);
        if (y.Count > 0) { Launch(y, images, rows, columns, dense, y, isForward: true); }
        return Tape.Record(y, new Grad(x.Shape, images, rows, columns), x);
    }

    private static void Launch(Tensor like, int[] images, AxisTable rows, AxisTable columns, Tensor map, Tensor bins,
        bool isForward)
    {
        using var numbers = TensorScope.Release(Tensor.From(images, [images.Length], like.Device));
        using var h = new DeviceTable(rows, like.DType, like.Device);
        using var w = new DeviceTable(columns, like.DType, like.Device);
        Kernel.Run(like, new Pass(map, bins, numbers, h, w, isForward));
    }

    private sealed class Grad(Shape shape, int[] images, AxisTable rows, AxisTable columns) : GradFn
    {
        public override string Name => "roi_align";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            var dx = Tensor.Zeros(shape, dy.DType, dy.Device);
            if (dx.Count > 0 && dy.Count > 0) { Launch(dx, images, rows, columns, dx, dy.Contiguous(), isForward: false); }
            return [dx];
        }
    }

    private readonly struct Pass(Tensor map, Tensor bins, Tensor images, DeviceTable h, DeviceTable w, bool isForward) : IOpKernel
    {
        public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            var kernel = new RoiAlignCpu<T>(map.Pointer<T>(), bins.Pointer<T>(), images.Pointer<int>(),
                new RoiAxis<T>(h, map.Shape[2], bins.Shape[2]), new RoiAxis<T>(w, map.Shape[3], bins.Shape[3]));
            if (isForward) { kernel.Forward(bins.Shape[0], map.Shape[1]); }
            else { kernel.Backward(map.Shape[0], map.Shape[1], bins.Shape[0]); }
        }

        public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
        {
            var args = new RoiAlignGpu.Args<R>
            {
                Map = map.View<R>(),
                Bins = bins.View<R>(),
                Images = images.View<int>(),
                RowStarts = h.Starts.View<int>(),
                RowOffsets = h.Offsets.View<int>(),
                RowWeights = h.Weights.View<R>(),
                ColumnStarts = w.Starts.View<int>(),
                ColumnOffsets = w.Offsets.View<int>(),
                ColumnWeights = w.Weights.View<R>(),
                Boxes = bins.Shape[0],
                Channels = map.Shape[1],
                Height = map.Shape[2],
                Width = map.Shape[3],
                BinRows = bins.Shape[2],
                BinColumns = bins.Shape[3],
                Count = checked((int)(isForward ? bins.Count : map.Count)),
            };
            if (isForward) { device.LaunchElements(RoiAlignGpu.BinPerThread, args.Count, args); }
            else { device.LaunchElements(RoiAlignGpu.PixelPerThread, args.Count, args); }
        }
    }
}
