using System;
using System.Linq;
using FlorenceKernels.Benchmarks;
using FlorenceKernels.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch.nn;

namespace FlorenceKernels.Tests.Peers;

/// <summary>Values and gradients of the engine's larger ops against libtorch, at random sizes.</summary>
public sealed class OpOpinionTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 8)];

    [Theory, MemberData(nameof(Seeds))]
    public void LayerNorm_of_random_sizes_agrees(int seed)
    {
        var (random, c) = Sizes(seed, 1, 300);
        Opinion.Compare(seed, [new([random.Next(1, 7), random.Next(1, 40), c]), new([c]), new([c])],
            x => F.LayerNorm(x[0], x[1], x[2], 1e-5), x => functional.layer_norm(x[0], [c], x[1], x[2], 1e-5));
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Softmax_over_any_axis_agrees(int seed)
    {
        var (random, c) = Sizes(seed, 1, 300);
        var axis = random.Next(3);
        Opinion.Compare(seed, [new([c, random.Next(1, 9), random.Next(1, 40)], -20, 20)], x => F.Softmax(x[0], axis), x => functional.softmax(x[0], axis));
    }

    [Theory, MemberData(nameof(Seeds))]
    public void CrossEntropy_with_ignored_rows_agrees(int seed)
    {
        var (random, classes) = Sizes(seed, 2, 300);
        var ignored = random.Next(classes);
        Opinion.Compare(seed, [new([random.Next(4, 70), classes], -20, 20)],
            x => F.CrossEntropy(x[0], Tensor.From(Targets(x[0].Shape[0], classes, seed), [x[0].Shape[0]]), ignored),
            x => functional.cross_entropy(x[0], torch.tensor(Targets((int)x[0].shape[0], classes, seed)), ignore_index: ignored));
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Conv2d_of_random_geometry_agrees(int seed)
    {
        var random = new Random(seed);
        int groups = random.Next(1, 4), inputs = groups * random.Next(1, 5), outputs = groups * random.Next(1, 5), kernel = random.Next(1, 6);
        int stride = random.Next(1, 5), padding = random.Next(0, 3), dilation = random.Next(1, 3), side = random.Next(10, 20);
        Opinion.Compare(seed, [new([2, inputs, side, side + 3]), new([outputs, inputs / groups, kernel, kernel]), new([outputs])],
            x => F.Conv2d(x[0], x[1], x[2], stride, padding, dilation, groups),
            x => functional.conv2d(x[0], x[1], x[2], [stride, stride], [padding, padding], [dilation, dilation], groups));
    }

    [Theory]
    [InlineData(7, 4, 2, 3, false)]
    [InlineData(3, 2, 1, 24, true)]
    [InlineData(7, 4, 3, 3, false)]
    public void ConvTokens_of_the_embeddings_agrees(int kernel, int stride, int padding, int channels, bool isLast) =>
        Opinion.Compare(kernel + padding, [new(isLast ? [2, 56, 56, channels] : [2, channels, 112, 112]), new([33, channels, kernel, kernel]), new([33])],
            x => F.ConvTokens(x[0], x[1], x[2], stride, padding, isLast),
            x => functional.conv2d(isLast ? x[0].permute(0, 3, 1, 2) : x[0], x[1], x[2], [stride, stride], [padding, padding]).permute(0, 2, 3, 1));

    [Theory, MemberData(nameof(Seeds))]
    public void WindowAttention_agrees_with_the_eager_pipeline(int seed)
    {
        var random = new Random(seed);
        int window = random.Next(2, 8), heads = random.Next(1, 4), width = heads * random.Next(1, 9), shift = seed % 2 == 0 ? 0 : window / 2;
        int rows = window * random.Next(2, 4), columns = window * random.Next(2, 4);
        Opinion.Compare(seed, [new([2, rows, columns, 3 * width], -3, 3), new([(2 * window - 1) * (2 * window - 1), heads], -2, 2)],
            x => F.WindowAttention(x[0], x[1], heads, new WindowShape(window, window, shift, shift)),
            x => TorchWindowAttention.OfProjected(x[0], x[1], heads, window, shift));
    }

    [Theory, MemberData(nameof(Seeds))]
    public void WindowAttention_of_clips_agrees_with_the_eager_pipeline_and_the_fused_kernel(int seed)
    {
        var random = new Random(seed);
        int depth = random.Next(1, 5), side = random.Next(2, 6), heads = random.Next(1, 4), width = heads * random.Next(1, 9);
        var w = new TorchWindow(depth, side, seed % 2 == 0 ? 0 : depth / 2, seed % 2 == 0 ? 0 : side / 2);
        int[] clip = [2, depth * random.Next(2, 4), side * random.Next(2, 4), side * random.Next(2, 4), 3 * width];
        Opinion.Compare(seed, [new(clip, -3, 3), new([(2 * depth - 1) * (2 * side - 1) * (2 * side - 1), heads], -2, 2)],
            x => F.WindowAttention(x[0], x[1], heads, new WindowShape(side, side, w.Shift, w.Shift) { Depth = depth, ShiftD = w.ShiftDepth }),
            x => TorchWindowAttention.OfClip(x[0], x[1], heads, w, isFused: seed % 3 == 0));
    }

    [Theory, MemberData(nameof(Seeds))]
    public void ContrastiveLoss_agrees_with_soft_cross_entropies(int seed)
    {
        var (random, batch) = Sizes(seed, 2, 300);
        Input feature = new([batch, random.Next(1, 70)]);
        Opinion.Compare(seed, [feature, feature, new([], 0, 2), new([batch], Ids: Math.Max(1, batch / 2))],
            x => F.ContrastiveLoss(x[0], x[1], x[2], x[3]), x => TorchContrastive.Loss(x[0], x[1], x[2], x[3]));
    }

    private static (Random Random, int Size) Sizes(int seed, int low, int high)
    {
        var random = new Random(seed);
        return (random, random.Next(low, high));
    }

    private static long[] Targets(int rows, int classes, int seed)
    {
        var random = new Random(seed + 77);
        return [.. Enumerable.Range(0, rows).Select(_ => (long)random.Next(classes))];
    }
}
