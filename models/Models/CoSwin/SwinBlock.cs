using System;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>A pre-norm transformer block over shifted windows. Liu et al. 2021, fig. 3b; stochastic depth and the optional shared layer
/// scale γ act on both branches.</summary>
public sealed class SwinBlock : TensorModule
{
    private readonly LayerNorm _norm1, _norm2;
    private readonly WindowAttention _attn;
    private readonly Mlp _mlp;
    private readonly DropPath _drop;
    private readonly Tensor? _gamma;

    /// <summary>A block for maps of <paramref name="grid"/>×<paramref name="grid"/> tokens of <paramref name="dim"/> channels.</summary>
    public SwinBlock(CoSwinConfig config, int dim, int heads, int grid, bool isShifted, double dropPath, Weights w)
        : this(config, dim, heads, config.BlockWindow(grid, isShifted), dropPath, w) { }

    /// <summary>A block with this window and shift, over images or clips.</summary>
    public SwinBlock(CoSwinConfig config, int dim, int heads, WindowShape window, double dropPath, Weights w) : base(w)
    {
        _norm1 = new LayerNorm(dim, w["norm1"]);
        _attn = new WindowAttention(dim, heads, window, w["attn"], config.WindowRule, config.QkvBias);
        _norm2 = new LayerNorm(dim, w["norm2"]);
        _mlp = new Mlp(dim, (int)Math.Round(dim * config.MlpRatio), w["mlp"]);
        _gamma = config.LayerScale is { } scale ? w.Get("gamma", [dim], Init.Constant(scale)) : null;
        _drop = new DropPath(dropPath, w);
    }

    /// <summary>[B, h, w, C] → [B, h, w, C]; clips [B, t, h, w, C].</summary>
    public override Tensor Forward(Tensor x)
    {
        using var scope = TensorScope.Begin();
        x += _drop.Forward(Scaled(_attn.Forward(_norm1.Forward(x))));
        x += _drop.Forward(Scaled(_mlp.Forward(_norm2.Forward(x))));
        return scope.Keep(x);
    }

    private Tensor Scaled(Tensor branch) => _gamma is null ? branch : branch * _gamma;
}

/// <summary>Multi-head attention inside windows of a token map, with a learned bias per relative position. Liu et al. 2021, eq. 4. The
/// shift, the windows, the bias index and the mask are index arithmetic inside one kernel; tokens are never rolled or partitioned.</summary>
public sealed class WindowAttention : TensorModule
{
    private readonly Linear _qkv, _proj;
    private readonly Tensor _table;
    private readonly int _heads;
    private readonly WindowShape _window;
    private readonly WindowRule _rule;

    /// <summary>Windows of this size, moved by its shift where <paramref name="rule"/> lets them.</summary>
    public WindowAttention(int dim, int heads, WindowShape window, Weights w, WindowRule rule = WindowRule.Shrink, bool bias = true)
        : base(w)
    {
        (_heads, _window, _rule) = (heads, window, rule);
        var offsets = (2 * window.Depth - 1) * (2 * window.Height - 1) * (2 * window.Width - 1);
        _table = w.Get("relative_position_bias_table", [offsets, heads], Init.TruncNormal);
        _qkv = new Linear(dim, 3 * dim, w["qkv"], bias);
        _proj = new Linear(dim, dim, w["proj"]);
    }

    /// <summary>[B, h, w, C] → [B, h, w, C]; clips [B, t, h, w, C]. A map that is no multiple of the window is padded as if with zeros
    /// before the projection, so padded tokens carry the projection's bias.</summary>
    public override Tensor Forward(Tensor x)
    {
        var window = Fitted(x.Rank == 5 ? x.Shape[1] : 1, x.Shape[^3], x.Shape[^2]);
        return _proj.Forward(F.WindowAttention(_qkv.Forward(x), _table, _heads, window, _qkv.Bias));
    }

    // Time has one rule; height and width have the one the weights were trained with.
    private WindowShape Fitted(int frames, int height, int width)
    {
        if (_rule == WindowRule.Clip) { return _window.ClippedTo(frames, height, width); }
        var window = _window.ClippedTo(frames, int.MaxValue, int.MaxValue);
        return _rule == WindowRule.PadKeepShift ? window : window with
        {
            ShiftH = height > window.Height ? window.ShiftH : 0,
            ShiftW = width > window.Width ? window.ShiftW : 0,
        };
    }
}
