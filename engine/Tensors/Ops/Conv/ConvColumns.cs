using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// Conv, ColumnsThenFold: dx of a strided or narrow convolution. Seen from an input, most taps of a strided window miss (15 of 16 at stride
// 4), and three channels fill no tile; so what each window gives to its elements is one product, Wᵀ·dy, exactly as large as that of y, and
// one thread per input adds up the windows that cover it, taps in order. Traffic: taps·positions per channel written and read once; as many
// images at a time as fit the room for them.
// Ladder, [1, 3, 112, 112] by [96, 3, 7, 7] / 4, sectors: FourChannelsPerThread 1,896,000, predicted 85,000, counted 104,000.
internal static partial class ConvColumnsGpu
{
    private const long ColumnBytes = 256 << 20;
    private const int MaxGrowth = 16, NarrowChannels = 16;

    /// <summary>dx; false where another kernel suits better.</summary>
    public static bool InputGrad<R>(GpuDevice gpu, ConvGeometry g, Tensor dy, Tensor weight, Tensor dx) where R : unmanaged, IReal<R>
    {
        var perImage = (long)g.Channels * g.Taps * g.Positions;
        var isStrided = g.D.Stride * g.H.Stride * g.W.Stride > 1;
        var isSmall = (long)g.Taps * g.Positions <= (long)MaxGrowth * g.Inputs && perImage <= int.MaxValue;
        var sizes = g.XLast ? new GemmSizes(1, g.Positions, g.Depth, g.Outputs)
            : new GemmSizes(g.Groups, g.Depth, g.Positions, g.GroupOutputs);
        if (!(isStrided || g.GroupChannels <= NarrowChannels) || !isSmall || !GemmTiled.Suits(sizes)) { return false; }
        var step = (int)Math.Clamp(ColumnBytes / (perImage * dx.DType.Size()), 1, g.Batch);
        for (var first = 0; first < g.Batch; first += step)
        {
            using var temporary = TensorScope.Begin();
            var count = Math.Min(step, g.Batch - first);
            var columns = Columns(g, count, dy.Slice(0, first, count), weight);
            Fold<R>(gpu, g, columns, dx.Slice(0, first, count));
        }

        return true;
    }

    // [images·positions, taps·C] where x has its channels last, else [images, groups, C/groups·taps, positions].
    private static Tensor Columns(ConvGeometry g, int images, Tensor dy, Tensor weight)
    {
        if (g.XLast)
        {
            var byTap = weight.Reshape(g.Outputs, g.Channels, g.Taps).Transpose(1, 2).Contiguous().Reshape(g.Outputs, g.Depth);
            return F.Product(dy.Reshape(images * g.Positions, g.Outputs), byTap);
        }

        var slope = g.YLast ? dy.Reshape(images, 1, g.Positions, g.Outputs).T()
            : dy.Reshape(images, g.Groups, g.GroupOutputs, g.Positions);
        return F.Product(weight.Reshape(g.Groups, g.GroupOutputs, g.Depth).T(), slope);
    }

    private static void Fold<R>(GpuDevice gpu, ConvGeometry g, Tensor columns, Tensor dx) where R : unmanaged, IReal<R>
    {
        var args = new Args<R>
        {
            Columns = columns.View<R>(),
            Dx = dx.View<R>(),
            Count = checked((int)dx.Count),
            Inner = g.XLast ? g.Channels : 1,
            ImageStep = checked(g.Channels * g.Taps * g.Positions),
            ChannelStep = g.XLast ? 1 : g.Taps * g.Positions,
            TapStep = g.XLast ? g.Channels : g.Positions,
            PositionStep = g.XLast ? g.Depth : 1,
            Planes = g.XLast ? 1 : g.Channels,
            D = g.D,
            H = g.H,
            W = g.W,
        };
        gpu.LaunchElements(FoldPerThread, args.Count, args);
    }
}
