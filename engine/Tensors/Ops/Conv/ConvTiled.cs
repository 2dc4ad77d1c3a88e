using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// Conv, ImplicitGemm: the three products of a convolution on the tiles of GemmTiled, with windows that are never stored
// (ConvSource.Gpu.cs).
//   y: positions × outputs, or outputs × positions per image where channels come first; k = window elements, and one for a bias per row
//   dx: the same with inputs and outputs exchanged; k = window elements of dy
//   dW: outputs × window elements; k = positions of all images, split in parts
// Where the map that is read has its channels last, window elements are numbered tap-major and the weights are copied to [O, taps, C], so
// that neighbouring threads read neighbours.
// Ladder, sectors over those of operands and results once, forward; backward (emulator):
//                                                    [1, 3, 112, 112], 7×7 / 4      [1, 28, 28, 96], 3×3 / 2
//   FourChannelsPerThread                            117; 632                       259; 712
//   ImplicitGemm, tiles of 64: predicted             3.9 forward                    4.6 forward (each operand once per tile)
//   counted                                          7.6; 90                        4.7 in tiles, 10.6 with split k and copied weights
//   dx by ConvColumns.Gpu.cs                         7.6; 9.7                       10.6; 9.5
// At 7×7 / 4 eight neighbouring k, of rows of 147 and runs of 7, are no whole sector; at 3×3 / 2 the copy of the weights, once per call
// whatever the batch, is half of all. No bank conflicts.
// Depthwise and other narrow groups, where most of a tile would be waste, stay with ConvGpu.
internal static class ConvTiled
{
    /// <summary>y; false where tiles do not suit.</summary>
    public static bool Forward<R>(GpuDevice gpu, ConvGeometry g, Tensor x, Tensor weight, Tensor? bias, Tensor y)
        where R : unmanaged, IReal<R>
    {
        var map = Map(g, isForward: true, isMerged: g.YLast);
        var one = bias is not null && !g.YLast ? 1 : 0;
        if (!Sizes(g, map, g.GroupOutputs, one, out var sizes)) { return false; }
        using var temporary = TensorScope.Begin();
        var taps = ByTap(g, weight, g.XLast);
        var weights = new WeightSource<R>
        {
            View = taps.View<R>(),
            Bias = (bias ?? weight).View<R>(),
            Minor = map.Minor,
            MajorStep = map.Minor.Divisor,
            MinorStep = 1,
            LineStep = g.Depth,
            GroupStep = g.GroupOutputs * g.Depth,
            Groups = g.Groups,
            Lines = g.GroupOutputs,
            Elements = g.Depth,
            HasBias = one,
        };
        var windows = new PositionSource<R> { View = x.View<R>(), Map = map, HasOne = one };
        var output = Output<R>(y, sizes);
        if (g.YLast && bias is not null) { (output.Bias, output.HasBias) = (bias.View<R>(), 1); }
        Multiply(gpu, windows, weights, AreElementsNearer(g), isWeightAlongInner: true, g.YLast, output, sizes);
        return true;
    }

    /// <summary>dx; false where tiles do not suit.</summary>
    public static bool InputGrad<R>(GpuDevice gpu, ConvGeometry g, Tensor dy, Tensor weight, Tensor dx) where R : unmanaged, IReal<R>
    {
        var map = Map(g, isForward: false, isMerged: g.XLast);
        if (!Sizes(g, map, g.GroupChannels, 0, out var sizes)) { return false; }
        using var temporary = TensorScope.Begin();
        var taps = ByTap(g, weight, g.YLast);
        var weights = new WeightSource<R>
        {
            View = taps.View<R>(),
            Bias = weight.View<R>(),
            Minor = map.Minor,
            // k = (tap, output) of [O, taps, C], or (output, tap) of [O, C, taps].
            MajorStep = g.YLast ? g.GroupChannels : g.Depth,
            MinorStep = g.YLast ? g.Depth : 1,
            LineStep = g.YLast ? 1 : g.Taps,
            GroupStep = g.GroupOutputs * g.Depth,
            Groups = g.Groups,
            Lines = g.GroupChannels,
            Elements = map.Elements,
        };
        var windows = new PositionSource<R> { View = dy.View<R>(), Map = map };
        Multiply(gpu, windows, weights, g.YLast, isWeightAlongInner: !g.YLast, g.XLast, Output<R>(dx, sizes), sizes);
        return true;
    }

    /// <summary>dW; false where tiles do not suit.</summary>
    public static bool WeightGrad<R>(GpuDevice gpu, ConvGeometry g, Tensor dy, Tensor x, Tensor dw) where R : unmanaged, IReal<R>
    {
        var map = Map(g, isForward: true, isMerged: true);
        var sizes = new GemmSizes(g.Groups, g.GroupOutputs, g.Depth, map.Positions);
        if (!GemmTiled.Suits(sizes) || !IsExact(g, map)) { return false; }
        using var temporary = TensorScope.Begin();
        var slope = new ChannelSource<R>
        {
            View = dy.View<R>(),
            Image = new Quotient(g.Positions),
            ImageStep = checked(g.Outputs * g.Positions),
            GroupStep = g.GroupOutputs * g.YSteps.Channel,
            ChannelStep = g.YSteps.Channel,
            PlaceStep = g.YSteps.Position,
            Lines = g.GroupOutputs,
            Positions = map.Positions,
        };
        var to = g.XLast ? Tensor.EmptyLike(dw, [g.Outputs, g.Taps, g.GroupChannels]) : dw;
        var a = new ScalarStage<ChannelSource<R>, R> { Source = slope, AlongInner = g.YLast ? 0 : 1 };
        var windows = new ElementSource<R> { View = x.View<R>(), Map = map };
        var b = new ScalarStage<ElementSource<R>, R> { Source = windows, AlongInner = AreElementsNearer(g) ? 0 : 1 };
        GemmTiled.Run(gpu, a, b, Output<R>(to, sizes), sizes);
        if (g.XLast) { CopyOp.Into(dw.Reshape(g.Outputs, g.GroupChannels, g.Taps), to.Transpose(1, 2)); }
        return true;
    }

    // Windows as rows where the result has its channels last, else as columns.
    private static void Multiply<R>(GpuDevice gpu, PositionSource<R> windows, WeightSource<R> weights, bool isWindowAlongInner,
        bool isWeightAlongInner, bool isLast, in GemmOutput<R> output, in GemmSizes sizes) where R : unmanaged, IReal<R>
    {
        var window = new ScalarStage<PositionSource<R>, R> { Source = windows, AlongInner = isWindowAlongInner ? 1 : 0 };
        var weight = new ScalarStage<WeightSource<R>, R> { Source = weights, AlongInner = isWeightAlongInner ? 1 : 0 };
        if (isLast) { GemmTiled.Run(gpu, window, weight, output, sizes); }
        else { GemmTiled.Run(gpu, weight, window, output, sizes); }
    }

    private static bool Sizes(ConvGeometry g, in SlideMap map, int channels, int one, out GemmSizes sizes)
    {
        sizes = map.IsMerged != 0
            ? new GemmSizes(1, map.Positions, channels, map.Elements)
            : new GemmSizes(checked(g.Batch * g.Groups), channels, map.Positions, map.Elements + one);
        return GemmTiled.Suits(sizes) && IsExact(g, map);
    }

    // Indices are ints, and their quotients come from multiplications.
    private static bool IsExact(ConvGeometry g, in SlideMap map) =>
        Math.Max((long)g.Channels * g.Inputs, (long)g.Outputs * g.Positions) * g.Batch <= int.MaxValue
        && Quotient.IsExact(map.Positions, map.Image.Divisor) && Quotient.IsExact(map.Elements, map.Minor.Divisor)
        && Quotient.IsExact(Reach(g.D), g.D.Stride) && Quotient.IsExact(Reach(g.H), g.H.Stride) && Quotient.IsExact(Reach(g.W), g.W.Stride);

    // Whether the elements of a window are nearer to each other in x than the windows of neighbouring positions are.
    private static bool AreElementsNearer(ConvGeometry g) => g.XLast || (g.W.Stride > 2 && g.W.Kernel > 2 && g.W.Dilation == 1);

    private static long Reach(ConvAxis axis) => (long)axis.Size + axis.Padding;

    // What slides over what: outputs over x, or inputs over dy.
    private static SlideMap Map(ConvGeometry g, bool isForward, bool isMerged)
    {
        var steps = isForward ? g.XSteps : g.YSteps;
        var (from, channels) = isForward ? (g.Positions, g.GroupChannels) : (g.Inputs, g.GroupOutputs);
        var isTapMajor = isForward ? g.XLast : g.YLast;
        SlideAxis Axis(ConvAxis axis) => isForward ? SlideAxis.Forward(axis) : SlideAxis.Backward(axis);
        int Length(ConvAxis axis) => isForward ? axis.Out : axis.Size;
        return new SlideMap
        {
            D = Axis(g.D),
            H = Axis(g.H),
            W = Axis(g.W),
            Image = new Quotient(from),
            Plane = new Quotient(checked(Length(g.H) * Length(g.W))),
            Row = new Quotient(Length(g.W)),
            Minor = new Quotient(isTapMajor ? channels : g.Taps),
            TapPlane = new Quotient(g.H.Kernel * g.W.Kernel),
            TapRow = new Quotient(g.W.Kernel),
            ImageStep = isForward ? checked(g.Channels * g.Inputs) : checked(g.Outputs * g.Positions),
            GroupStep = channels * steps.Channel,
            ChannelStep = steps.Channel,
            PlaceStep = steps.Position,
            IsTapMajor = isTapMajor ? 1 : 0,
            IsMerged = isMerged ? 1 : 0,
            Groups = g.Groups,
            Positions = isMerged ? checked(g.Batch * from) : from,
            Elements = checked(channels * g.Taps),
        };
    }

    private static GemmOutput<R> Output<R>(Tensor to, in GemmSizes sizes) where R : unmanaged, IReal<R> => new()
    {
        C = to.View<R>(),
        Bias = to.View<R>(),
        Pre = to.View<R>(),
        M = sizes.M,
        N = sizes.N,
        CBatch = checked(sizes.M * sizes.N),
    };

    // [O, C, taps] as it is, or as [O, taps, C].
    private static Tensor ByTap(ConvGeometry g, Tensor weight, bool isTapMajor) => !isTapMajor ? weight
        : weight.Reshape(g.Outputs, g.GroupChannels, g.Taps).Transpose(1, 2).Contiguous();
}
