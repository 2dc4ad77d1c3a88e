using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>2-D convolution (cross-correlation): y[b,o,i,j] = bias[o] + Σ x[b, c, i·s − p + u·d, j·s − p + v·d]·w[o,c,u,v]
    /// over the channels c of o's group and the taps (u, v); outside x is 0.</summary>
    /// <param name="x">[B, C, H, W].</param> <param name="weight">[O, C/groups, kh, kw].</param> <param name="bias">[O].</param>
    /// <param name="stride">Step of the window; 1 by default.</param>
    /// <param name="padding">Zeros on each side; 0 by default.</param>
    /// <param name="dilation">Step between taps; 1 by default.</param>
    /// <param name="groups">Groups of channels that do not mix.</param>
    /// <returns>[B, O, Ho, Wo] with Ho = ⌊(H + 2p − d·(kh − 1) − 1)/s⌋ + 1.</returns>
    /// <exception cref="ShapeException">Shapes or groups do not fit each other, or the kernel does not fit the image.</exception>
    public static Tensor Conv2d(Tensor x, Tensor weight, Tensor? bias = null, Size2? stride = null, Size2? padding = null,
        Size2? dilation = null, int groups = 1)
    {
        const string Op = "conv2d";
        Check.HasRank(Op, "x", x, 4, "[B, C, H, W]");
        Check.HasRank(Op, "weight", weight, 4, "[O, C/groups, kh, kw]");
        CheckOperands(Op, x, weight, bias, x.Shape[1], groups);
        Size2 s = stride ?? 1, p = padding ?? 0, d = dilation ?? 1;
        var h = ConvAxis.Of(Op, "height", x.Shape[2], weight.Shape[2], s.Height, p.Height, d.Height);
        var w = ConvAxis.Of(Op, "width", x.Shape[3], weight.Shape[3], s.Width, p.Width, d.Width);
        var g = new ConvGeometry(x.Shape[0], x.Shape[1], weight.Shape[0], groups, ConvAxis.Flat, h, w, xLast: false,
            yLast: false);
        return ConvOp.Run(Op, x, weight, bias, g, isThreeD: false);
    }

    /// <summary>3-D convolution over time, height and width: <see cref="Conv2d"/> with one more spatial axis.</summary>
    /// <param name="x">[B, C, T, H, W].</param>
    /// <param name="weight">[O, C/groups, kt, kh, kw].</param>
    /// <param name="bias">[O].</param>
    /// <param name="stride">Step of the window; 1 by default.</param>
    /// <param name="padding">Zeros on each side; 0 by default.</param>
    /// <param name="dilation">Step between taps; 1 by default.</param>
    /// <param name="groups">Groups of channels that do not mix.</param>
    /// <returns>[B, O, To, Ho, Wo].</returns>
    /// <exception cref="ShapeException">Shapes or groups do not fit each other, or the kernel does not fit the clip.</exception>
    public static Tensor Conv3d(Tensor x, Tensor weight, Tensor? bias = null, Size3? stride = null, Size3? padding = null,
        Size3? dilation = null, int groups = 1)
    {
        const string Op = "conv3d";
        Check.HasRank(Op, "x", x, 5, "[B, C, T, H, W]");
        Check.HasRank(Op, "weight", weight, 5, "[O, C/groups, kt, kh, kw]");
        CheckOperands(Op, x, weight, bias, x.Shape[1], groups);
        Size3 s = stride ?? 1, p = padding ?? 0, d = dilation ?? 1;
        var t = ConvAxis.Of(Op, "time", x.Shape[2], weight.Shape[2], s.Depth, p.Depth, d.Depth);
        var h = ConvAxis.Of(Op, "height", x.Shape[3], weight.Shape[3], s.Height, p.Height, d.Height);
        var w = ConvAxis.Of(Op, "width", x.Shape[4], weight.Shape[4], s.Width, p.Width, d.Width);
        var g = new ConvGeometry(x.Shape[0], x.Shape[1], weight.Shape[0], groups, t, h, w, xLast: false, yLast: false);
        return ConvOp.Run(Op, x, weight, bias, g, isThreeD: true);
    }

    /// <summary>The convolution of a convolutional token embedding (CvT, arXiv 2103.15808, sec. 3.1): <see cref="Conv2d"/> whose
    /// result is the map of tokens, channels last, as the LayerNorm behind it wants them.</summary>
    /// <param name="x">[B, C, H, W], or [B, H, W, C] with <paramref name="channelsLast"/>.</param>
    /// <param name="weight">[O, C, kh, kw].</param>
    /// <param name="bias">[O].</param>
    /// <param name="stride">Step of the window.</param>
    /// <param name="padding">Zeros on each side.</param>
    /// <param name="channelsLast">True when x is a map of tokens already.</param>
    /// <returns>[B, Ho, Wo, O].</returns>
    /// <exception cref="ShapeException">Shapes do not fit each other, or the kernel does not fit the image.</exception>
    public static Tensor ConvTokens(Tensor x, Tensor weight, Tensor? bias, Size2 stride, Size2 padding, bool channelsLast = false)
    {
        const string Op = "conv_tokens";
        Check.HasRank(Op, "x", x, 4, channelsLast ? "[B, H, W, C]" : "[B, C, H, W]");
        Check.HasRank(Op, "weight", weight, 4, "[O, C, kh, kw]");
        var (channels, height, width) = channelsLast ? (x.Shape[3], x.Shape[1], x.Shape[2]) : (x.Shape[1], x.Shape[2],
            x.Shape[3]);
        CheckOperands(Op, x, weight, bias, channels, 1);
        var h = ConvAxis.Of(Op, "height", height, weight.Shape[2], stride.Height, padding.Height, 1);
        var w = ConvAxis.Of(Op, "width", width, weight.Shape[3], stride.Width, padding.Width, 1);
        var g = new ConvGeometry(x.Shape[0], channels, weight.Shape[0], 1, ConvAxis.Flat, h, w, channelsLast, yLast: true);
        return ConvOp.Run(Op, x, weight, bias, g, isThreeD: false);
    }

    /// <summary><see cref="ConvTokens"/> over clips: each tube of frames becomes a token (Video Swin, arXiv 2106.13230, §3.1;
    /// Florence, arXiv 2111.11432, §2.5).</summary>
    /// <param name="x">[B, C, T, H, W], or [B, T, H, W, C] with <paramref name="channelsLast"/>.</param>
    /// <param name="weight">[O, C, kt, kh, kw].</param>
    /// <param name="bias">[O].</param>
    /// <param name="stride">Step of the window.</param>
    /// <param name="padding">Zeros on each side.</param>
    /// <param name="channelsLast">True when x is a map of tokens already.</param>
    /// <returns>[B, To, Ho, Wo, O].</returns>
    /// <exception cref="ShapeException">Shapes do not fit each other, or the kernel does not fit the clip.</exception>
    public static Tensor ConvTokens3d(Tensor x, Tensor weight, Tensor? bias, Size3 stride, Size3 padding,
        bool channelsLast = false)
    {
        const string Op = "conv_tokens3d";
        Check.HasRank(Op, "x", x, 5, channelsLast ? "[B, T, H, W, C]" : "[B, C, T, H, W]");
        Check.HasRank(Op, "weight", weight, 5, "[O, C, kt, kh, kw]");
        var (channels, first) = channelsLast ? (x.Shape[4], 1) : (x.Shape[1], 2);
        CheckOperands(Op, x, weight, bias, channels, 1);
        var t = ConvAxis.Of(Op, "time", x.Shape[first], weight.Shape[2], stride.Depth, padding.Depth, 1);
        var h = ConvAxis.Of(Op, "height", x.Shape[first + 1], weight.Shape[3], stride.Height, padding.Height, 1);
        var w = ConvAxis.Of(Op, "width", x.Shape[first + 2], weight.Shape[4], stride.Width, padding.Width, 1);
        var g = new ConvGeometry(x.Shape[0], channels, weight.Shape[0], 1, t, h, w, channelsLast, yLast: true);
        return ConvOp.Run(Op, x, weight, bias, g, isThreeD: true);
    }

    /// <summary>The windows of a convolution laid out as columns (torch's unfold, im2col): y[b, (c·kh + u)·kw + v, i·Wo + j] =
    /// x[b, c, i·s − p + u·d, j·s − p + v·d].</summary>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="kernel">Window.</param>
    /// <param name="stride">Step of the window; 1 by default.</param>
    /// <param name="padding">Zeros on each side; 0 by default.</param>
    /// <param name="dilation">Step between taps; 1 by default.</param>
    /// <returns>[B, C·kh·kw, Ho·Wo].</returns>
    /// <exception cref="ShapeException">x is not [B, C, H, W], or the window does not fit it.</exception>
    public static Tensor Unfold(Tensor x, Size2 kernel, Size2? stride = null, Size2? padding = null, Size2? dilation = null)
    {
        const string Op = "unfold";
        Check.HasRank(Op, "x", x, 4, "[B, C, H, W]");
        Check.SameFloat(Op, x);
        Size2 s = stride ?? 1, p = padding ?? 0, d = dilation ?? 1;
        var h = ConvAxis.Of(Op, "height", x.Shape[2], kernel.Height, s.Height, p.Height, d.Height);
        var w = ConvAxis.Of(Op, "width", x.Shape[3], kernel.Width, s.Width, p.Width, d.Width);
        return UnfoldOp.Run(x, new ConvGeometry(x.Shape[0], x.Shape[1], 1, 1, ConvAxis.Flat, h, w, xLast: false, yLast: false));
    }

    private static void CheckOperands(string op, Tensor x, Tensor weight, Tensor? bias, int channels, int groups)
    {
        Check.SameFloat(op, bias is null ? [x, weight] : [x, weight, bias]);
        var outputs = weight.Shape[0];
        Check.That(groups > 0 && channels > 0 && outputs > 0 && channels % groups == 0 && outputs % groups == 0,
            $"{op}: groups {groups} must be positive and divide the {channels} channels of x and the {outputs} of weight");
        Check.HasShape(op, "weight", weight, weight.Shape.With(1, channels / groups));
        if (bias is not null) { Check.HasShape(op, "bias", bias, [outputs]); }
    }
}
