using System;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>x ← x + Attn(LN₁ x); x ← x + MLP(LN₂ x). Fig. 2b.</summary>
internal sealed class CvTBlock
{
    private readonly LayerNorm _norm1, _norm2;
    private readonly ConvAttention _attn;
    private readonly Mlp _mlp;
    private readonly DropPath _drop;

    public CvTBlock(CvTConfig config, CvTStageConfig stage, double dropPath, Weights w)
    {
        _norm1 = new LayerNorm(stage.Dim, w["norm1"]);
        _attn = new ConvAttention(stage.Dim, stage.Heads, config.QkvBias, w["attn"]);
        _norm2 = new LayerNorm(stage.Dim, w["norm2"]);
        _mlp = new Mlp(stage.Dim, (int)(stage.Dim * config.MlpRatio), w["mlp"], config.Activation);
        _drop = new DropPath(dropPath, w);
    }

    /// <summary>Tokens → their sequence [B, N, C].</summary>
    public Tensor Forward(CvTTokens tokens)
    {
        using var scope = TensorScope.Begin();
        var x = tokens.Sequence;
        x += _drop.Forward(_attn.Forward(tokens.Like(_norm1.Forward(x))));
        x += _drop.Forward(_mlp.Forward(_norm2.Forward(x)));
        return scope.Keep(x);
    }
}

/// <summary>Multi-head attention whose queries, keys and values come from the map through convolutional projections; those of
/// keys and values halve its sides. §3.2, fig. 2c. The class token skips the convolutions.</summary>
internal sealed class ConvAttention(int dim, int heads, bool qkvBias, Weights w)
{
    private readonly ConvProjection _q = new(dim, 1, w["conv_proj_q"]), _k = new(dim, 2, w["conv_proj_k"]),
        _v = new(dim, 2, w["conv_proj_v"]);
    private readonly Linear _projQ = new(dim, dim, w["proj_q"], qkvBias), _projK = new(dim, dim, w["proj_k"], qkvBias),
        _projV = new(dim, dim, w["proj_v"], qkvBias), _proj = new(dim, dim, w["proj"]);

    /// <summary>Tokens → sequence [B, N, C].</summary>
    public Tensor Forward(CvTTokens x)
    {
        var image = x.Map.Permute(0, 3, 1, 2);
        Tensor Project(ConvProjection convolution, Linear linear) =>
            Heads(linear.Forward((x with { Map = convolution.Forward(image) }).Sequence));
        // The released code divides the scores by √dim, not by the root of a head's width as the kernel does.
        var q = Project(_q, _projQ) * (1 / Math.Sqrt(heads));
        var y = F.ScaledDotProductAttention(q, Project(_k, _projK), Project(_v, _projV));
        return _proj.Forward(y.Transpose(1, 2).Reshape(y.Shape[0], y.Shape[2], dim));
    }

    // [B, N, C] → [B, heads, N, C/heads].
    private Tensor Heads(Tensor x) => x.Reshape(x.Shape[0], x.Shape[1], heads, dim / heads).Transpose(1, 2);
}

/// <summary>Depth-wise 3×3 convolution → BatchNorm → tokens; the point-wise half of the separable convolution is the linear layer
/// behind. §3.2: "Depth-wise Conv2d → BatchNorm2d → Point-wise Conv2d".</summary>
internal sealed class ConvProjection(int dim, int stride, Weights w)
{
    private const int Kernel = 3;

    private readonly Tensor _weight = w["conv"].Get("weight", [dim, 1, Kernel, Kernel], Init.FanIn(Kernel * Kernel));
    private readonly BatchNorm2d _norm = new(dim, w["bn"]);

    /// <summary>[B, C, h, w] → [B, ⌈h/stride⌉, ⌈w/stride⌉, C].</summary>
    public Tensor Forward(Tensor image) =>
        _norm.Forward(F.Conv2d(image, _weight, stride: stride, padding: Kernel / 2, groups: dim)).Permute(0, 2, 3, 1);
}
