using System;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>x ← x + Attn(LN₁ x); x ← x + MLP(LN₂ x), with CLIP's parameter names; each branch times a learned scale γ where the
/// configuration starts one.</summary>
internal sealed class TextBlock : Module
{
    private readonly LayerNorm _norm1, _norm2;
    private readonly Tensor _inWeight, _inBias;
    private readonly Linear _out;
    private readonly Mlp _mlp;
    private readonly DropPath _drop;
    private readonly Tensor? _gamma1, _gamma2;
    private readonly TextConfig _config;

    public TextBlock(TextConfig config, double dropPath, Weights w) : base(w)
    {
        _config = config;
        var width = config.Width;
        double std = Math.Pow(width, -0.5), residual = std * Math.Pow(2.0 * config.Layers, -0.5);
        Init Clip(double value) => config.ClipInit ? Init.Normal(value) : Init.TruncNormal;
        _norm1 = new LayerNorm(width, w["ln_1"], config.LayerNormEps);
        // The lineage leaves PyTorch's Xavier default on the packed projection: bound √(6/(4W)).
        _inWeight = w["attn"].Get("in_proj_weight", [3 * width, width], config.ClipInit ? Init.Normal(std) : Init.Uniform(Math.Sqrt(6.0 / (4 * width))));
        _inBias = w["attn"].Get("in_proj_bias", [3 * width], Init.Zeros);
        _out = new Linear(width, width, w["attn"]["out_proj"], init: Clip(residual));
        _norm2 = new LayerNorm(width, w["ln_2"], config.LayerNormEps);
        _mlp = new Mlp(width, 4 * width, w["mlp"], config.Activation, "c_fc", "c_proj", Clip(Math.Pow(2.0 * width, -0.5)), Clip(residual));
        _drop = new DropPath(dropPath, w);
        Tensor? Gamma(string name) => config.LayerScale is { } scale ? w[name].Get("gamma", [width], Init.Constant(scale)) : null;
        (_gamma1, _gamma2) = (Gamma("ls_1"), Gamma("ls_2"));
    }

    /// <summary>[B, N, W] → [B, N, W].</summary>
    public Tensor Forward(Tensor x, Tensor? mask)
    {
        using var scope = TensorScope.Begin();
        return scope.Keep(AfterAttention(x, Attention(x, mask)));
    }

    /// <summary>[B, N, W] → [B, W]: the outputs at one position per sample, which need attention over all positions but nothing more.</summary>
    /// <param name="x">[B, N, W]</param> <param name="mask">As in <see cref="Forward"/>.</param>
    /// <param name="rows">i64 [B], rows of [B·N, W].</param>
    public Tensor ForwardAt(Tensor x, Tensor? mask, Tensor rows)
    {
        using var scope = TensorScope.Begin();
        return scope.Keep(AfterAttention(Select(x, rows), Select(Attention(x, mask), rows)));
    }

    private Tensor Attention(Tensor x, Tensor? mask)
    {
        var qkv = F.Linear(_norm1.Forward(x), _inWeight, _inBias);
        return F.SelfAttention(qkv, _config.EffectiveHeads, _config.IsCausal, _config.IsCausal ? null : mask);
    }

    private Tensor AfterAttention(Tensor x, Tensor attended)
    {
        x += _drop.Forward(Scaled(_out.Forward(attended), _gamma1));
        return x + _drop.Forward(Scaled(_mlp.Forward(_norm2.Forward(x)), _gamma2));
    }

    private static Tensor Scaled(Tensor branch, Tensor? gamma) => gamma is null ? branch : branch * gamma;

    /// <summary>[B, N, W] → [B, W] by rows of [B·N, W].</summary>
    public static Tensor Select(Tensor x, Tensor rows) => F.IndexSelect(x.Reshape(-1, x.Shape[^1]), 0, rows);
}
