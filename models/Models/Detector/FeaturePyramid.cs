using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>The feature pyramid (Lin et al., arXiv 1612.03144, fig. 3) with two coarser levels (arXiv 1708.02002, fig. 3):
/// <code>
/// C5 ─ 1×1 ─┬───────── 3×3 → P5 ─ 3×3 s2 → P6 ─ relu, 3×3 s2 → P7
///           ↑2
/// C4 ─ 1×1 ─+─┬─────── 3×3 → P4
///             ↑2
/// C3 ─ 1×1 ───+─────── 3×3 → P3
/// </code>
/// <c>fpn_lateral{3,4,5}.*</c>, <c>fpn_output{3,4,5}.*</c>, <c>top_block.p6.*</c>, <c>top_block.p7.*</c>.</summary>
public sealed class FeaturePyramid : Module
{
    /// <summary>Maps in.</summary>
    public const int Inputs = 3;

    /// <summary>Maps out.</summary>
    public const int Levels = 5;

    private const int Finest = 3;

    private readonly Convolution[] _lateral, _output;
    private readonly Convolution _p6, _p7;

    /// <summary>A pyramid of <paramref name="channels"/> over maps of
    /// <paramref name="inputs"/> channels, fine to coarse.</summary>
    public FeaturePyramid(IReadOnlyList<int> inputs, int channels, Weights w) : base(w)
    {
        _lateral = [.. inputs.Select((c, i) => new Convolution(c, channels, 1, 1, w[$"fpn_lateral{Finest + i}"]))];
        _output = [.. inputs.Select((_, i) => new Convolution(channels, channels, 3, 1, w[$"fpn_output{Finest + i}"]))];
        _p6 = new Convolution(channels, channels, 3, 2, w["top_block"]["p6"]);
        _p7 = new Convolution(channels, channels, 3, 2, w["top_block"]["p7"]);
    }

    /// <summary>C3, C4, C5 [B, C_i, H_i, W_i], each half the size of the one before → P3 … P7 [B, channels, ·, ·].</summary>
    /// <exception cref="ShapeException">There are not three maps, or their channels or batches do not fit.</exception>
    public IReadOnlyList<Tensor> Forward(IReadOnlyList<Tensor> maps)
    {
        Check.That(maps.Count == _lateral.Length, $"feature_pyramid: {maps.Count} maps, expected {_lateral.Length}");
        var levels = new Tensor[Levels];
        Tensor? above = null;
        for (var i = maps.Count - 1; i >= 0; i--)
        {
            var lateral = _lateral[i].Forward(maps[i]);
            above = above is null ? lateral : lateral + Enlarge(above, lateral.Shape);
            levels[i] = _output[i].Forward(above);
        }

        levels[3] = _p6.Forward(levels[2]);
        levels[4] = _p7.Forward(F.Relu(levels[3]));
        return levels;
    }

    private static Tensor Enlarge(Tensor x, Shape like) => F.Interpolate(x, [like[2], like[3]], InterpolateMode.Nearest);

    // Kaiming uniform with slope 1 (bound √(3/fan-in)) and zero bias, detectron2's first values.
    private sealed class Convolution(int inputs, int outputs, int kernel, int stride, Weights w)
    {
        private readonly Tensor _weight = w.Get("weight", [outputs, inputs, kernel, kernel],
            Init.Uniform(Math.Sqrt(3.0 / (inputs * kernel * kernel)))),
            _bias = w.Get("bias", [outputs], Init.Zeros);

        public Tensor Forward(Tensor x) => F.Conv2d(x, _weight, _bias, stride, padding: kernel / 2);
    }
}
