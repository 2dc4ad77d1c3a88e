using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>What the head says about every location of every level.</summary>
/// <param name="Logits">[B, classes, H, W] per level.</param>
/// <param name="Deltas">[B, 4, H, W] per level, for <see cref="BoxCoder"/>.</param>
/// <param name="Centerness">[B, 1, H, W] logits per level.</param>
public sealed record HeadOutput(IReadOnlyList<Tensor> Logits, IReadOnlyList<Tensor> Deltas, IReadOnlyList<Tensor> Centerness)
{
    /// <summary>Images.</summary>
    public int Images => Logits[0].Shape[0];

    /// <summary>Height and width of each level.</summary>
    public IEnumerable<(int Height, int Width)> Sizes => Logits.Select(l => (l.Shape[2], l.Shape[3]));

    /// <summary>A level's [B, C, H, W] as [B, H·W, C].</summary>
    internal static Tensor Locations(Tensor map) => map.Flatten(2).Transpose(1, 2);

    /// <summary>All levels' maps as rows [B·A, C]: images outermost, then levels, then locations.</summary>
    internal static Tensor Rows(IReadOnlyList<Tensor> maps) => F.Cat([.. maps.Select(Locations)], 1).Flatten(0, 1);
}

/// <summary>The predictors behind the Dynamic Head (Zhang et al., arXiv 1912.02424; without towers, as the released code): three
/// 1×1 convolutions that all levels share, the box deltas times one learnt number per level. <c>cls_logits.*</c>,
/// <c>bbox_pred.*</c>,
/// <c>centerness.*</c>, <c>scales.{level}.scale</c>.</summary>
public sealed class AtssHead : Module
{
    // Every class starts at probability 0.01, so that the many background locations do not swamp the first steps (arXiv
    // 1708.02002, §4.1).
    private const double PriorProbability = 0.01;

    private readonly (Tensor Weight, Tensor Bias) _logits, _deltas, _centerness;
    private readonly Tensor[] _scales;

    /// <summary>A head for maps of <paramref name="channels"/>.</summary>
    public AtssHead(int channels, int classes, int levels, Weights w) : base(w)
    {
        _logits = Predictor(channels, classes, w["cls_logits"], -Math.Log((1 - PriorProbability) / PriorProbability));
        _deltas = Predictor(channels, 4, w["bbox_pred"], 0);
        _centerness = Predictor(channels, 1, w["centerness"], 0);
        _scales = [.. Enumerable.Range(0, levels).Select(l => w["scales"][l].Get("scale", [1], Init.Ones))];
    }

    /// <summary>Levels [B, C, H_l, W_l], no more than there are scales → predictions.</summary>
    public HeadOutput Forward(IReadOnlyList<Tensor> levels)
    {
        Check.That(levels.Count > 0 && levels.Count <= _scales.Length,
            $"atss_head: {levels.Count} levels, expected 1 to {_scales.Length}");
        return new(
            [.. levels.Select(x => F.Conv2d(x, _logits.Weight, _logits.Bias))],
            [.. levels.Select((x, l) => F.Conv2d(x, _deltas.Weight, _deltas.Bias) * _scales[l])],
            [.. levels.Select(x => F.Conv2d(x, _centerness.Weight, _centerness.Bias))]);
    }

    private static (Tensor Weight, Tensor Bias) Predictor(int channels, int outputs, Weights w, double bias) =>
        (w.Get("weight", [outputs, channels, 1, 1], Init.Normal(0.01)), w.Get("bias", [outputs], Init.Constant(bias)));
}
