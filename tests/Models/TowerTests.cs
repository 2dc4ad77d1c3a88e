using System;
using System.Linq;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Models;

/// <summary>What the golden cases of released checkpoints do not have: early convolutions and mean pooling of texts.</summary>
public sealed class TowerTests
{
    private const int Start = 90, End = 91, Width = 8;

    // Two texts of different length; the second ends at position 3, what follows is padding.
    private static readonly long[] Ids = [Start, 5, 6, 7, 8, End, Start, 9, 10, End, 0, 0];

    [Theory, InlineData(1), InlineData(2)]
    public void Text_at_its_end_equals_the_whole_forward(int layers)
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(seed: 4, dtype: DType.F64);
        var tower = new TextTransformer(Text(layers, TextPool.EndOfText), set.Root);
        double[] all = tower.Forward(Batch()).ToArray<double>(), pooled = tower.Pooled(Batch()).ToArray<double>();
        double[] expected = [.. all[(5 * Width)..(6 * Width)], .. all[(9 * Width)..(10 * Width)]];
        Assert.All(expected.Zip(pooled), e => Assert.Equal(e.First, e.Second, 1e-12));
    }

    [Theory, InlineData(TextPool.EndOfText), InlineData(TextPool.Mean)]
    public void Short_texts_computed_apart_keep_their_places_and_gradients(TextPool pool)
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(seed: 4, dtype: DType.F64);
        var tower = new TextTransformer(Text(2, pool), set.Root);
        long[] ids = [.. Ids, Start, 3, End, 0, 0, 0, Start, End, 0, 0, 0, 0]; // ends 5, 3, 2 and 1: the last two are short
        var weights = Tensor.Normal([4, Width], 0, 1, 7, dtype: DType.F64);
        double[] Gradient(Func<Tensor> pooled)
        {
            F.Sum(pooled() * weights).Backward();
            double[] gradient = [.. set.Named.SelectMany(p => p.Value.Grad!.ToArray<double>())];
            set.ZeroGrad();
            return gradient;
        }

        Tensor One(int text) => tower.Pooled(Tensor.From(ids.AsSpan(text * 6, 6), [1, 6]));
        Tensor Apart() => F.Cat([One(0), One(1), One(2), One(3)], 0);
        Tensor Together() => tower.Pooled(Tensor.From(ids, [4, 6]));
        Assert.All(Apart().ToArray<double>().Zip(Together().ToArray<double>()), e => Assert.Equal(e.First, e.Second, 1e-12));
        Assert.All(Gradient(Apart).Zip(Gradient(Together)), e => Assert.Equal(e.First, e.Second, 1e-11));
    }

    [Fact]
    public void Mean_pooling_without_blocks_is_the_norm_of_the_mean_word()
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(seed: 4, dtype: DType.F64);
        var pooled = new TextTransformer(Text(0, TextPool.Mean), set.Root).Pooled(Batch()).ToArray<double>();
        double[] words = set["token_embedding.weight"].ToArray<double>(), places = set["positional_embedding"].ToArray<double>();
        foreach (var (text, (from, to)) in new[] { (0, (1, 5)), (1, (1, 3)) })
        {
            var mean = new double[Width];
            for (var n = from; n < to; n++)
            {
                for (var c = 0; c < Width; c++) { mean[c] += (words[Ids[text * 6 + n] * Width + c] + places[n * Width + c]) / (to - from); }
            }

            double centre = mean.Average(), deviation = Math.Sqrt(mean.Average(v => (v - centre) * (v - centre)) + 1e-5);
            for (var c = 0; c < Width; c++) { Assert.Equal((mean[c] - centre) / deviation, pooled[text * Width + c], 1e-10); }
        }
    }

    [Fact]
    public void Mean_pooling_of_an_empty_text_reads_its_end()
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(seed: 4, dtype: DType.F64);
        var tower = new TextTransformer(Text(1, TextPool.Mean), set.Root);
        long[] empty = [Start, End, 0, 0, 0, 0];
        var ids = Tensor.From(empty, [1, 6]);
        double[] pooled = tower.Pooled(ids).ToArray<double>();
        Assert.True(pooled.All(double.IsFinite) && pooled.Any(v => Math.Abs(v) > 0.1));
    }

    [Theory]
    [InlineData(3, 2, 32)]
    [InlineData(7, 4, 64)]
    [InlineData(4, 2, 31)]
    public void Early_convolutions_shrink_the_image_and_train(int kernel, int stride, int side)
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(seed: 4);
        var tower = new CoSwin(Image() with { EarlyKernel = kernel, EarlyStride = stride, ImageSize = side, AbsolutePositions = true }, set.Root);
        var features = tower.Encode(Tensor.Normal([2, 3, side, side], 0, 1, 5));
        Assert.Equal([2, 8, 8, 16], features.Stages[0].Shape.ToArray());
        Assert.Equal([5, 3, kernel, kernel], set["patch_embed.early.0.proj.weight"].Shape.ToArray());
        Assert.Equal([16, 7, 3, 3], set["patch_embed.proj.weight"].Shape.ToArray());
        F.Sum(F.Square(features.Pooled)).Backward();
        Assert.All(set.Named, p => Assert.True(p.Value.Grad is not null, p.Key));
    }

    [Fact]
    public void Early_convolutions_before_disjoint_patches_are_refused()
    {
        var error = Assert.Throws<FlorenceException>(() => (Image() with { Embed = EmbedKind.Patch }).Validated());
        Assert.Contains("earlyConvolutions", error.Message, StringComparison.Ordinal);
    }

    private static TextConfig Text(int layers, TextPool pool) =>
        new() { Vocabulary = 92, Context = 6, Width = Width, Heads = 2, Layers = layers, Pool = pool };

    private static CoSwinConfig Image() => new()
    {
        EmbedDim = 16,
        Depths = [1, 1],
        Heads = [2, 4],
        Window = 4,
        ImageSize = 32,
        EarlyConvolutions = [5, 7],
        StemKernel = 3,
        StemStride = 2,
        StemPadding = 1,
    };

    private static Tensor Batch() => Tensor.From(Ids, [2, 6]);
}
