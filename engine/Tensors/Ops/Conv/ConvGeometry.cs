using System;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>One spatial axis of a sliding window: output o reads input o·stride − padding + tap·dilation.</summary>
internal readonly struct ConvAxis
{
    public readonly int Size, Kernel, Stride, Padding, Dilation, Out;

    private ConvAxis(int size, int kernel, int stride, int padding, int dilation, int output) =>
        (Size, Kernel, Stride, Padding, Dilation, Out) = (size, kernel, stride, padding, dilation, output);

    /// <summary>An axis of one element that nothing slides along: depth of a 2-D convolution.</summary>
    public static ConvAxis Flat => new(1, 1, 1, 0, 1, 1);

    /// <summary>An axis after checking that the window fits; out = ⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1.
    /// </summary>
    public static ConvAxis Of(string op, string axis, int size, int kernel, int stride, int padding, int dilation)
    {
        Check.That(kernel > 0 && stride > 0 && dilation > 0 && padding >= 0,
            $"{op}: kernel {kernel}, stride {stride}, dilation {dilation} along {axis} must be positive, padding {padding} >= 0");
        var room = (long)size + 2L * padding - (long)dilation * (kernel - 1) - 1;
        Check.That(room >= 0,
            $"{op}: a kernel of {kernel} (dilation {dilation}) does not fit {axis} {size} with padding {padding}");
        return new(size, kernel, stride, padding, dilation, checked((int)(room / stride) + 1));
    }

    /// <summary>Input position that an output reads at a tap; may lie outside.</summary>
    public int At(int output, int tap) => output * Stride - Padding + tap * Dilation;

    /// <summary>First output whose input at this tap is not before the start.</summary>
    public int First(int tap)
    {
        var before = Padding - tap * Dilation;
        return before <= 0 ? 0 : (before + Stride - 1) / Stride;
    }

    /// <summary>End of the outputs whose input at this tap lies inside.</summary>
    public int End(int tap)
    {
        var last = Size - 1 + Padding - tap * Dilation;
        return last < 0 ? 0 : Math.Min(Out, last / Stride + 1);
    }

    /// <summary>The output that reads <paramref name="input"/> at this tap, or −1.</summary>
    public int OutputOf(int input, int tap)
    {
        var shifted = input + Padding - tap * Dilation;
        if (shifted < 0) { return -1; }
        var output = shifted / Stride;
        return output * Stride == shifted && output < Out ? output : -1;
    }
}

/// <summary>Sizes of a convolution over three spatial axes, and which operands have their channels last.</summary>
internal readonly struct ConvGeometry
{
    public readonly int Batch, Channels, Outputs, Groups;
    public readonly ConvAxis D, H, W;
    public readonly bool XLast, YLast;

    public ConvGeometry(int batch, int channels, int outputs, int groups, ConvAxis d, ConvAxis h, ConvAxis w, bool xLast,
        bool yLast)
    {
        (Batch, Channels, Outputs, Groups) = (batch, channels, outputs, groups);
        (D, H, W, XLast, YLast) = (d, h, w, xLast, yLast);
    }

    public int GroupChannels => Channels / Groups;

    public int GroupOutputs => Outputs / Groups;

    public int Taps => D.Kernel * H.Kernel * W.Kernel;

    /// <summary>Input values that one output of one channel reads.</summary>
    public int Depth => GroupChannels * Taps;

    /// <summary>Input positions of one image.</summary>
    public int Inputs => D.Size * H.Size * W.Size;

    /// <summary>Output positions of one image.</summary>
    public int Positions => D.Out * H.Out * W.Out;

    /// <summary>Rows of outputs (all widths of one height) in one image.</summary>
    public int Rows => D.Out * H.Out;

    /// <summary>Step between channels and between positions of x.</summary>
    public (int Channel, int Position) XSteps => XLast ? (1, Channels) : (Inputs, 1);

    /// <summary>Step between channels and between positions of y.</summary>
    public (int Channel, int Position) YSteps => YLast ? (1, Outputs) : (Positions, 1);

    /// <summary>One input channel per group, so that there is nothing to multiply matrices of.</summary>
    public bool IsDepthwise => GroupChannels == 1 && Groups > 1 && !XLast && !YLast;

    /// <summary>Every output reads exactly the input at its own place.</summary>
    public bool IsPointwise => Taps == 1 && IsIdentity(D) && IsIdentity(H) && IsIdentity(W);

    private static bool IsIdentity(ConvAxis axis) => axis.Stride == 1 && axis.Padding == 0;

    public Shape InputShape(bool isThreeD) => Map(Channels, (D.Size, H.Size, W.Size), XLast, isThreeD);

    public Shape OutputShape(bool isThreeD) => Map(Outputs, (D.Out, H.Out, W.Out), YLast, isThreeD);

    private Shape Map(int channels, Size3 size, bool isLast, bool isThreeD)
    {
        Shape map = isThreeD ? [size.Depth, size.Height, size.Width] : [size.Height, size.Width];
        return isLast ? [Batch, .. map, channels] : [Batch, channels, .. map];
    }
}
