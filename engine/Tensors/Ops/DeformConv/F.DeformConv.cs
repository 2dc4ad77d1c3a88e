using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>Modulated deformable convolution (Zhu et al., "Deformable ConvNets v2", arXiv 1811.11168, eq. 1; torchvision's
    /// deform_conv2d): y[b,o,i,j] = bias[o] + Σ w[o,c,t]·m[t,i,j]·x_c(i·s − p + u·d + Δ[2t,i,j], j·s − p + v·d + Δ[2t+1,i,j])
    /// over the channels c of o's group and the taps t = u·kw + v.</summary>
    /// <remarks>x_c(h, v) is bilinear: corners outside the image count as 0 each by itself, and outside the open box
    /// (−1, H)×(−1, W) value and gradients are 0. Where h or v is whole, the gradient is the right-hand one. An offset that is
    /// not finite gives NaN.</remarks>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="offset">Δ [B, 2·offsetGroups·kh·kw, Ho, Wo]: rows in the even channels, columns in the odd.</param>
    /// <param name="weight">[O, C/groups, kh, kw].</param>
    /// <param name="mask">m [B, offsetGroups·kh·kw, Ho, Wo], used as it is; 1 by default.</param> <param name="bias">[O].</param>
    /// <param name="stride">Step of the window; 1 by default.</param>
    /// <param name="padding">Zeros on each side; 0 by default.</param>
    /// <param name="dilation">Step between taps; 1 by default.</param>
    /// <param name="groups">Groups of channels that do not mix.</param>
    /// <param name="offsetGroups">Groups of channels with offsets and mask of their own.</param>
    /// <returns>[B, O, Ho, Wo] with Ho = ⌊(H + 2p − d·(kh − 1) − 1)/s⌋ + 1.</returns>
    /// <exception cref="ShapeException">Shapes or groups do not fit each other, or the kernel does not fit the image.</exception>
    public static Tensor DeformConv2d(Tensor x, Tensor offset, Tensor weight, Tensor? mask = null, Tensor? bias = null,
        Size2? stride = null, Size2? padding = null, Size2? dilation = null, int groups = 1, int offsetGroups = 1)
    {
        const string Op = "deform_conv2d";
        Check.HasRank(Op, "x", x, 4, "[B, C, H, W]");
        Check.HasRank(Op, "weight", weight, 4, "[O, C/groups, kh, kw]");
        CheckOperands(Op, x, weight, bias, x.Shape[1], groups);
        Check.SameFloat(Op, mask is null ? [x, offset] : [x, offset, mask]);
        Check.That(offsetGroups > 0 && x.Shape[1] % offsetGroups == 0,
            $"{Op}: offsetGroups {offsetGroups} must be positive and divide the {x.Shape[1]} channels of x");
        Size2 s = stride ?? 1, p = padding ?? 0, d = dilation ?? 1;
        var h = ConvAxis.Of(Op, "height", x.Shape[2], weight.Shape[2], s.Height, p.Height, d.Height);
        var w = ConvAxis.Of(Op, "width", x.Shape[3], weight.Shape[3], s.Width, p.Width, d.Width);
        Check.That((h.Size + 3L) * (w.Size + 3L) < 1 << 24, $"{Op}: x is {x.Shape}, its images have too many pixels");
        var g = new DeformGeometry(x.Shape[0], x.Shape[1], weight.Shape[0], groups, offsetGroups, h, w);
        Check.HasShape(Op, "offset", offset, [g.Batch, 2 * g.Fields, h.Out, w.Out]);
        if (mask is not null) { Check.HasShape(Op, "mask", mask, [g.Batch, g.Fields, h.Out, w.Out]); }
        var y = DeformConvOp.Run(g, x, offset, mask, weight);
        return bias is null ? y : y + bias.Reshape(bias.Shape[0], 1, 1);
    }
}
