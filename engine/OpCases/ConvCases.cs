using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Convolutions over two and three axes, as token embeddings, and unfolding.</summary>
public sealed class ConvCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases => TwoD().Concat(ThreeD()).Concat(Tokens()).Concat(Tokens3d()).Concat(Unfolds());

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        new("Conv2d", "rank", d => F.Conv2d(Ones(d, 2, 3, 4), Ones(d, 5, 3, 1, 1)), "x is [2, 3, 4], expected [B, C, H, W]"),
        new("Conv2d", "channels", d => F.Conv2d(Ones(d, 1, 3, 4, 4), Ones(d, 5, 2, 3, 3)),
            "weight is [5, 2, 3, 3], expected [5, 3, 3, 3]"),
        new("Conv2d", "groups", d => F.Conv2d(Ones(d, 1, 3, 4, 4), Ones(d, 4, 1, 3, 3), groups: 2),
            "groups 2 must be positive and divide"),
        new("Conv2d", "bias", d => F.Conv2d(Ones(d, 1, 3, 4, 4), Ones(d, 5, 3, 3, 3), Ones(d, 4)), "bias is [4], expected [5]"),
        new("Conv2d", "too large", d => F.Conv2d(Ones(d, 1, 3, 4, 4), Ones(d, 5, 3, 5, 5)), "does not fit height 4"),
        new("Conv2d", "stride", d => F.Conv2d(Ones(d, 1, 3, 4, 4), Ones(d, 5, 3, 3, 3), stride: 0), "must be positive"),
        new("Conv3d", "rank", d => F.Conv3d(Ones(d, 1, 3, 4, 4), Ones(d, 5, 3, 1, 1, 1)), "expected [B, C, T, H, W]"),
        new("ConvTokens", "channels", d => F.ConvTokens(Ones(d, 1, 4, 4, 3), Ones(d, 5, 4, 3, 3), null, 2, 1, channelsLast: true),
            "weight is [5, 4, 3, 3], expected [5, 3, 3, 3]"),
        new("ConvTokens3d", "rank", d =>
            F.ConvTokens3d(Ones(d, 1, 4, 4, 3), Ones(d, 5, 3, 1, 3, 3), null, 1, 0, channelsLast: true),
            "expected [B, T, H, W, C]"),
        new("ConvTokens3d", "time", d =>
            F.ConvTokens3d(Ones(d, 1, 3, 2, 4, 4), Ones(d, 5, 3, 3, 1, 1), null, 1, 0), "does not fit time 2"),
        new("Unfold", "too large", d => F.Unfold(Ones(d, 1, 3, 4, 4), (2, 7), padding: (0, 1)), "does not fit width 4"),
    ];

    private static IEnumerable<OpCase> TwoD()
    {
        OpCase Row(string label, int[] x, int[] w, bool bias, Size2 stride, Size2 padding, Size2 dilation, int groups = 1) => new(
            "Conv2d", label, t => F.Conv2d(t[0], t[1], bias ? t[2] : null, stride, padding, dilation, groups),
            t => Flat(Conv(Deep(t[0]), Deep(t[1]), bias ? t[2] : null, new(1, stride.Height, stride.Width),
                new(0, padding.Height, padding.Width), new(1, dilation.Height, dilation.Width), groups)),
            bias ? [new In(x), new In(w), new In([w[0]])] : [new In(x), new In(w)])
        { IsForSimulator = Work(x, w) < 60000 };
        return
        [
            Row("3x3", [2, 3, 5, 7], [4, 3, 3, 3], true, 1, 1, 1), Row("stride 2", [2, 3, 7, 5], [5, 3, 3, 3], true, 2, 1, 1),
            Row("pointwise", [2, 5, 3, 4], [7, 5, 1, 1], true, 1, 0, 1),
            Row("pointwise strided", [2, 5, 4, 5], [3, 5, 1, 1], false, 2, 0, 1),
            Row("all apart", [1, 3, 8, 11], [4, 3, 2, 5], true, (1, 3), (0, 2), (2, 1)),
            Row("groups", [2, 6, 5, 4], [9, 2, 3, 3], true, 1, 1, 1, 3),
            Row("depthwise", [2, 3, 5, 19], [3, 1, 3, 3], true, 1, 1, 1, 3),
            Row("depthwise doubled", [2, 3, 7, 6], [6, 1, 3, 5], false, 2, (1, 2), 1, 3),
            Row("padding past the kernel", [1, 2, 3, 3], [2, 2, 2, 2], true, 1, 3, 1),
            Row("dilated past the image", [1, 2, 4, 4], [3, 2, 3, 3], false, 3, 4, 4),
            Row("tiny", [1, 1, 3, 3], [2, 1, 2, 2], true, 1, 0, 1),
            Row("past a group", [1, 1, 9, 33], [33, 1, 3, 3], true, 1, 1, 1),
            Row("tile", [1, 17, 4, 5], [18, 17, 1, 2], true, 1, (0, 1), 1),
            Row("tiles of groups", [2, 34, 4, 7], [36, 17, 2, 1], true, (1, 2), (1, 3), 2, 2),
            Row("tile edge", [1, 65, 8, 9], [66, 65, 1, 1], false, 1, 0, 1),
            Row("wide", [1, 34, 17, 35], [37, 34, 3, 3], true, 1, 1, 1), Row("empty", [0, 3, 5, 5], [4, 3, 3, 3], true, 1, 1, 1),
        ];
    }

    private static IEnumerable<OpCase> ThreeD()
    {
        OpCase Row(string label, int[] x, int[] w, Size3 stride, Size3 padding, Size3 dilation, int groups = 1) => new(
            "Conv3d", label, t => F.Conv3d(t[0], t[1], t[2], stride, padding, dilation, groups),
            t => Conv(t[0], t[1], t[2], stride, padding, dilation, groups), new In(x), new In(w),
                new In([w[0]]))
        { IsForSimulator = Work(x, w) < 60000 };
        return
        [
            Row("3x3x3", [2, 3, 3, 4, 5], [4, 3, 3, 3, 3], (1, 2, 2), 1, 1),
            Row("tube", [1, 3, 4, 8, 4], [5, 3, 2, 4, 4], (2, 4, 4), 0, 1),
            Row("dilated in time", [1, 2, 5, 4, 3], [3, 2, 2, 3, 1], 1, (1, 1, 0), (2, 1, 1)),
            Row("groups", [2, 4, 2, 3, 3], [6, 2, 1, 3, 3], 1, (0, 1, 1), 1, 2),
            Row("depthwise", [1, 3, 3, 4, 5], [3, 1, 3, 3, 3], 1, 1, 1, 3),
            Row("tiny", [1, 1, 2, 2, 2], [1, 1, 2, 1, 2], 1, 0, 1),
        ];
    }

    private static IEnumerable<OpCase> Tokens()
    {
        OpCase Row(string label, int[] x, int[] w, bool bias, Size2 stride, Size2 padding, bool last) => new(
            "ConvTokens", label, t => F.ConvTokens(t[0], t[1], bias ? t[2] : null, stride, padding, last),
            t => ChannelsLast(Flat(Conv(Deep(last ? ChannelsFirst(t[0]) : t[0]), Deep(t[1]), bias ? t[2] : null,
                new(1, stride.Height, stride.Width), new(0, padding.Height, padding.Width), 1, 1))),
            bias ? [new In(x), new In(w), new In([w[0]])] : [new In(x), new In(w)])
        { IsForSimulator = Work(x, w) < 60000 };
        return
        [
            Row("stem", [2, 3, 19, 22], [5, 3, 7, 7], true, 4, 2, false),
            Row("downsample", [2, 7, 6, 3], [9, 3, 3, 3], true, 2, 1, true),
            Row("wide stem", [1, 3, 30, 41], [33, 3, 7, 7], true, 4, 2, false),
            Row("wide downsample", [3, 9, 11, 37], [35, 37, 3, 3], false, 2, 1, true),
            Row("apart", [1, 7, 9, 2], [3, 2, 2, 3], false, (3, 1), (1, 0), true),
            Row("tile", [1, 4, 5, 17], [18, 17, 2, 1], true, 1, (1, 0), true),
            Row("tiles", [3, 9, 11, 66], [65, 66, 3, 2], true, (2, 3), (1, 2), true),
            Row("tile planes", [2, 17, 5, 4], [18, 17, 2, 2], true, 1, 1, false),
            Row("tiny", [1, 3, 3, 1], [2, 1, 2, 2], true, 1, 0, true),
            Row("tiny planes", [1, 1, 3, 3], [2, 1, 2, 2], true, 1, 1, false),
            Row("empty", [0, 3, 5, 5], [4, 3, 3, 3], true, 2, 1, false),
        ];
    }

    private static IEnumerable<OpCase> Tokens3d()
    {
        OpCase Row(string label, int[] x, int[] w, bool bias, Size3 stride, Size3 padding, bool last) => new(
            "ConvTokens3d", label, t => F.ConvTokens3d(t[0], t[1], bias ? t[2] : null, stride, padding, last),
            t => ChannelsLast(Conv(last ? ChannelsFirst(t[0]) : t[0], t[1], bias ? t[2] : null, stride, padding, 1, 1)),
            bias ? [new In(x), new In(w), new In([w[0]])] : [new In(x), new In(w)])
        { IsForSimulator = Work(x, w) < 60000 };
        return
        [
            Row("tubes", [2, 3, 4, 8, 12], [5, 3, 2, 4, 4], true, (2, 4, 4), 0, false),
            Row("stem", [1, 3, 5, 11, 14], [5, 3, 2, 7, 7], true, (2, 4, 4), (0, 2, 2), false),
            Row("downsample", [2, 3, 6, 5, 7], [9, 7, 3, 3, 3], true, (1, 2, 2), (0, 1, 1), true),
            Row("wide downsample", [3, 5, 6, 7, 33], [35, 33, 3, 3, 3], false, (1, 2, 2), 1, true),
            Row("one frame", [1, 1, 7, 9, 3], [4, 3, 1, 3, 3], true, (1, 2, 2), (0, 1, 1), true),
            Row("apart", [1, 5, 7, 9, 2], [3, 2, 3, 2, 1], false, (2, 3, 1), (1, 0, 1), true),
            Row("tiny", [1, 2, 3, 3, 1], [2, 1, 2, 2, 1], true, 1, (1, 0, 0), true),
            Row("tiny planes", [1, 1, 3, 2, 3], [2, 1, 2, 2, 2], true, 1, 1, false),
            Row("empty", [0, 3, 2, 5, 5], [4, 3, 2, 3, 3], true, 2, 1, false),
        ];
    }

    private static IEnumerable<OpCase> Unfolds()
    {
        OpCase Row(string label, int[] x, Size2 k, Size2 stride, Size2 padding, Size2 dilation) => new(
            "Unfold", label, t => F.Unfold(t[0], k, stride, padding, dilation), t =>
                Unfold(t[0], k, stride, padding, dilation), new In(x));
        return
        [
            Row("3x2", [2, 3, 7, 6], (3, 2), 2, 1, 1), Row("dilated", [1, 2, 9, 8], (2, 3), (1, 2), (0, 3), (3, 2)),
            Row("past a group", [1, 2, 7, 33], 3, 1, 1, 1),
            Row("tiny", [1, 2, 3, 4], 2, 1, 0, 1), Row("empty", [0, 2, 3, 4], 2, 1, 0, 1),
        ];
    }

    // The definition, one product at a time; x [B, C, D, H, W], w [O, C/groups, kd, kh, kw].
    private static Nd Conv(Nd x, Nd w, Nd? bias, Size3 stride, Size3 padding, Size3 dilation, int groups)
    {
        int Out(int axis, int s, int p, int d) => (x.Shape[axis] + 2 * p - d * (w.Shape[axis] - 1) - 1) / s + 1;
        int outputs = w.Shape[0] / groups, channels = w.Shape[1];
        Shape shape = [x.Shape[0], w.Shape[0], Out(2, stride.Depth, padding.Depth, dilation.Depth),
            Out(3, stride.Height, padding.Height, dilation.Height), Out(4, stride.Width, padding.Width, dilation.Width)];
        return Nd.From(shape, i =>
        {
            var sum = bias is null ? 0 : bias[i[1]];
            foreach (var k in Nd.Indices([channels, w.Shape[2], w.Shape[3], w.Shape[4]]))
            {
                var d = i[2] * stride.Depth - padding.Depth + k[1] * dilation.Depth;
                var h = i[3] * stride.Height - padding.Height + k[2] * dilation.Height;
                var v = i[4] * stride.Width - padding.Width + k[3] * dilation.Width;
                if (d < 0 || h < 0 || v < 0 || d >= x.Shape[2] || h >= x.Shape[3] || v >= x.Shape[4]) { continue; }
                sum += x[i[0], i[1] / outputs * channels + k[0], d, h, v] * w[i[1], k[0], k[1], k[2], k[3]];
            }

            return sum;
        });
    }

    private static Nd Unfold(Nd x, Size2 k, Size2 stride, Size2 padding, Size2 dilation)
    {
        var height = (x.Shape[2] + 2 * padding.Height - dilation.Height * (k.Height - 1) - 1) / stride.Height + 1;
        var width = (x.Shape[3] + 2 * padding.Width - dilation.Width * (k.Width - 1) - 1) / stride.Width + 1;
        return Nd.From([x.Shape[0], x.Shape[1] * k.Height * k.Width, height * width], i =>
        {
            var h = i[2] / width * stride.Height - padding.Height + i[1] / k.Width % k.Height * dilation.Height;
            var w = i[2] % width * stride.Width - padding.Width + i[1] % k.Width * dilation.Width;
            return h < 0 || w < 0 || h >= x.Shape[2] || w >= x.Shape[3] ? 0 : x[i[0], i[1] / (k.Height * k.Width), h, w];
        });
    }

    private static Tensor Ones(Device device, params int[] shape) => Tensor.Ones(shape, DType.F32, device);

    private static long Work(Shape x, Shape w) => x.Count * w.Count / w[1];

    private static Nd Deep(Nd x) => new(x.Data, [x.Shape[0], x.Shape[1], 1, x.Shape[2], x.Shape[3]]);

    private static Nd Flat(Nd x) => new(x.Data, [x.Shape[0], x.Shape[1], x.Shape[3], x.Shape[4]]);

    private static Nd ChannelsLast(Nd x) => Nd.From([x.Shape[0], .. x.Shape.Skip(2), x.Shape[1]], i =>
        x[[i[0], i[^1], .. i[1..^1]]]);

    private static Nd ChannelsFirst(Nd x) => Nd.From([x.Shape[0], x.Shape[^1], .. x.Shape.Skip(1).SkipLast(1)], i =>
        x[[i[0], .. i[2..], i[1]]]);
}
