using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Deformable convolution. Random offsets are nowhere whole, where bilinear sampling has its kinks; rows with whole
/// offsets hold them constant (their one-sided gradients are proved by reference files).</summary>
public sealed class DeformConvCases : IOpCases
{
    /// <inheritdoc/>
    public IEnumerable<OpCase> Cases =>
    [
        new Setting("3x3", [2, 3, 5, 7], 4, 3) { Padding = 1 }.Row(),
        new Setting("stride 2", [2, 3, 7, 6], 5, 3) { Padding = 1, Stride = 2 }.Row(),
        new Setting("dilated", [1, 2, 7, 8], 3, 3) { Padding = 2, Dilation = 2 }.Row(),
        new Setting("all apart", [1, 3, 8, 9], 4, (2, 5)) { Padding = (0, 2), Stride = (1, 3), Dilation = (2, 1) }.Row(),
        new Setting("pointwise", [2, 5, 3, 4], 7, 1).Row(),
        new Setting("no mask", [2, 3, 5, 4], 4, 3) { Padding = 1, HasMask = false }.Row(),
        new Setting("no bias", [2, 3, 4, 5], 4, 3) { Padding = 1, HasBias = false }.Row(),
        new Setting("neither", [1, 3, 4, 5], 2, (3, 1)) { HasMask = false, HasBias = false }.Row(),
        new Setting("groups", [2, 6, 5, 4], 9, 3) { Padding = 1, Groups = 3 }.Row(),
        new Setting("offset groups", [2, 6, 4, 5], 5, 3) { Padding = 1, OffsetGroups = 2 }.Row(),
        new Setting("groups across offset groups", [2, 12, 4, 3], 9, 3) { Padding = 1, Groups = 3, OffsetGroups = 2 }.Row(),
        new Setting("groups within offset groups", [1, 8, 4, 3], 4, (1, 3)) { Groups = 4, OffsetGroups = 2 }.Row(),
        new Setting("depthwise", [1, 5, 5, 6], 5, 3) { Padding = 1, Groups = 5, OffsetGroups = 5 }.Row(),
        new Setting("far outside", [1, 3, 4, 5], 4, 3) { Padding = 1, Low = -9, High = 9 }.Row(),
        new Setting("all outside", [1, 2, 3, 3], 2, 2) { Low = 20, High = 30 }.Row(),
        new Setting("half offsets", [1, 3, 5, 6], 4, 3) { Padding = 1, Step = 1, Low = -2.5, High = 3.5 }.Row(),
        new Setting("whole offsets", [1, 3, 5, 6], 4, 3) { Padding = 1, Step = 1, Low = -3, High = 3, IsFixed = true }.Row(),
        new Setting("zero offsets", [2, 3, 5, 6], 4, 3) { Padding = 1, Step = 1, Low = 0, High = 0, IsFixed = true }.Row(),
        new Setting("padding past the kernel", [1, 2, 3, 3], 2, 2) { Padding = 3 }.Row(),
        new Setting("one pixel", [1, 3, 1, 1], 2, 3) { Padding = 1 }.Row(),
        new Setting("tiny", [1, 1, 2, 3], 1, 2).Row(),
        new Setting("past a group", [1, 1, 9, 33], 3, 3) { Padding = 1 }.Row(),
        new Setting("past a vector", [1, 37, 4, 5], 33, 3) { Padding = 1 }.Row(),
        new Setting("wide groups", [1, 132, 3, 4], 6, (2, 3)) { Padding = 1, Groups = 2, OffsetGroups = 3 }.Row(),
        new Setting("several panels", [2, 40, 53, 61], 2, 3) { Padding = 1 }.Row(),
        new Setting("empty", [0, 3, 5, 5], 4, 3) { Padding = 1 }.Row(),
    ];

    /// <inheritdoc/>
    public IEnumerable<ErrorCase> Errors =>
    [
        Error("rank", "x is [3, 5, 5], expected [B, C, H, W]", [3, 5, 5], [1, 18, 3, 3], [4, 3, 3, 3]),
        Error("weight rank", "expected [O, C/groups, kh, kw]", [1, 3, 5, 5], [1, 18, 3, 3], [4, 27]),
        Error("channels", "weight is [4, 2, 3, 3], expected [4, 3, 3, 3]", [1, 3, 5, 5], [1, 18, 3, 3], [4, 2, 3, 3]),
        Error("offsets", "offset is [1, 9, 3, 3], expected [1, 18, 3, 3]", [1, 3, 5, 5], [1, 9, 3, 3], [4, 3, 3, 3]),
        Error("places", "offset is [1, 18, 5, 5], expected [1, 18, 3, 3]", [1, 3, 5, 5], [1, 18, 5, 5], [4, 3, 3, 3]),
        Error("too large", "does not fit height 5", [1, 3, 5, 5], [1, 18, 3, 3], [4, 3, 7, 3]),
        new("DeformConv2d", "mask", d => F.DeformConv2d(Ones(d, 1, 3, 5, 5), Ones(d, 1, 18, 3, 3), Ones(d, 4, 3, 3, 3),
            Ones(d, 1, 18, 3, 3)), "mask is [1, 18, 3, 3], expected [1, 9, 3, 3]"),
        new("DeformConv2d", "bias", d => F.DeformConv2d(Ones(d, 1, 3, 5, 5), Ones(d, 1, 18, 3, 3), Ones(d, 4, 3, 3, 3),
            bias: Ones(d, 5)), "bias is [5], expected [4]"),
        new("DeformConv2d", "offset groups", d => F.DeformConv2d(Ones(d, 1, 3, 5, 5), Ones(d, 1, 36, 3, 3), Ones(d, 4, 3, 3, 3),
            offsetGroups: 2), "offsetGroups 2 must be positive and divide the 3 channels"),
    ];

    private static ErrorCase Error(string label, string says, int[] x, int[] offset, int[] weight) => new("DeformConv2d", label,
        d => F.DeformConv2d(Ones(d, x), Ones(d, offset), Ones(d, weight)), says);

    private static Tensor Ones(Device device, params int[] shape) => Tensor.Ones(shape, DType.F32, device);

    private sealed record Setting(string Label, int[] X, int Outputs, Size2 Kernel)
    {
        public Size2 Stride { get; init; } = 1;

        public Size2 Padding { get; init; } = 0;

        public Size2 Dilation { get; init; } = 1;

        public int Groups { get; init; } = 1;

        public int OffsetGroups { get; init; } = 1;

        public bool HasMask { get; init; } = true;

        public bool HasBias { get; init; } = true;

        public double Low { get; init; } = -1.6;

        public double High { get; init; } = 1.6;

        // Offsets are Low, Low + Step, … up to High, in turn; random when 0.
        public double Step { get; init; }

        public bool IsFixed { get; init; }

        private int Taps => Kernel.Height * Kernel.Width;

        private int Height => (X[2] + 2 * Padding.Height - Dilation.Height * (Kernel.Height - 1) - 1) / Stride.Height + 1;

        private int Width => (X[3] + 2 * Padding.Width - Dilation.Width * (Kernel.Width - 1) - 1) / Stride.Width + 1;

        public OpCase Row()
        {
            int[] weight = [Outputs, X[1] / Groups, Kernel.Height, Kernel.Width];
            List<In> inputs = [new In(X), Offsets(), new In(weight)];
            if (HasMask) { inputs.Add(new In([X[0], OffsetGroups * Taps, Height, Width], 0, 1)); }
            if (HasBias) { inputs.Add(new In([Outputs])); }
            Nd? Bias(Nd[] t) => HasBias ? t[^1] : null;
            return new("DeformConv2d", Label,
                t => F.DeformConv2d(t[0], t[1], t[2], HasMask ? t[3] : null, HasBias ? t[^1] : null, Stride, Padding, Dilation,
                    Groups, OffsetGroups),
                t => Oracle(t[0], t[1], t[2], HasMask ? t[3] : null, Bias(t)), [.. inputs])
            { IsForSimulator = Work < 20000 };
        }

        private long Work => (long)X[0] * X[1] * Taps * Height * Width * Outputs / Groups;

        private In Offsets()
        {
            Shape shape = [X[0], 2 * OffsetGroups * Taps, Height, Width];
            var steps = Step == 0 ? 1 : (int)((High - Low) / Step) + 1;
            // Strides of 7 through the values, so that neighbours differ.
            var values = Step == 0 ? null
                : Enumerable.Range(0, (int)shape.Count).Select(i => Low + i * 7 % steps * Step).ToArray();
            return new In(shape, Low, High, IsFixed ? InKind.Constant : InKind.Float, values);
        }

        // The definition, one sample at a time.
        private Nd Oracle(Nd x, Nd offset, Nd weight, Nd? mask, Nd? bias) => Nd.From([X[0], Outputs, Height, Width], i =>
        {
            var (channels, sum) = (X[1] / Groups, bias is null ? 0 : bias[i[1]]);
            for (var k = 0; k < channels; k++)
            {
                var c = i[1] / (Outputs / Groups) * channels + k;
                for (var tap = 0; tap < Taps; tap++)
                {
                    var (kh, kw) = (tap / Kernel.Width, tap % Kernel.Width);
                    var field = c / (X[1] / OffsetGroups) * Taps + tap;
                    var h = i[2] * Stride.Height - Padding.Height + kh * Dilation.Height + offset[i[0], 2 * field, i[2], i[3]];
                    var v = i[3] * Stride.Width - Padding.Width + kw * Dilation.Width + offset[i[0], 2 * field + 1, i[2], i[3]];
                    var m = mask is null ? 1 : mask[i[0], field, i[2], i[3]];
                    sum += weight[i[1], k, kh, kw] * m * Bilinear(x, i[0], c, h, v);
                }
            }

            return sum;
        });

        private static double Bilinear(Nd x, int image, int channel, double h, double v)
        {
            int height = x.Shape[2], width = x.Shape[3];
            if (h <= -1 || v <= -1 || h >= height || v >= width) { return 0; }
            var sum = 0.0;
            for (var row = (int)Math.Floor(h); row <= (int)Math.Floor(h) + 1; row++)
            {
                for (var column = (int)Math.Floor(v); column <= (int)Math.Floor(v) + 1; column++)
                {
                    if (row < 0 || column < 0 || row >= height || column >= width) { continue; }
                    sum += (1 - Math.Abs(h - row)) * (1 - Math.Abs(v - column)) * x[image, channel, row, column];
                }
            }

            return sum;
        }
    }
}
