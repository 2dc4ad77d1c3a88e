using System;
using System.Linq;
using FlorenceKernels.Data;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class AugmentationTests
{
    private static RgbImage Noise(int width, int height, int seed = 1)
    {
        var image = new RgbImage(width, height);
        new Random(seed).NextBytes(image.Pixels);
        return image;
    }

    private static RgbImage Plain(int side, byte value) => new(side, side, [.. Enumerable.Repeat(value, 3 * side * side)]);

    private static RgbImage Apply(IImageTransform transform, RgbImage image, long index = 0)
    {
        var random = new SampleRandom(5, 0, index);
        return transform.Apply(image, ref random);
    }

    [Fact]
    public void Affine_crop_of_everything_is_the_image()
    {
        var image = Noise(17, 17);
        Assert.Equal(image.Pixels, Apply(new RandomAffineCrop(17, MinScale: 1, MaxScale: 1, MaxRatio: 1), image).Pixels);
    }

    [Fact]
    public void Affine_crop_to_half_the_size_is_the_mean_of_four_pixels()
    {
        var image = Noise(16, 16);
        var half = Apply(new RandomAffineCrop(8, MinScale: 1, MaxScale: 1, MaxRatio: 1), image);
        var mean = Resampler.Resize(image, 8, 8, ResizeFilter.Box);
        Assert.All(half.Pixels.Zip(mean.Pixels), p => Assert.InRange(p.First - p.Second, -1, 1));
    }

    [Fact]
    public void Affine_crop_shows_the_fill_around_an_image_that_is_smaller()
    {
        var crop = new RandomAffineCrop(32, MinScale: 4, MaxScale: 4, MaxRatio: 1) { Fill = (1, 2, 3) };
        var view = Apply(crop, Plain(16, 200));
        var covered = Enumerable.Range(0, 32 * 32).Count(i => view.Pixels[3 * i] == 200);
        var outside = Enumerable.Range(0, 32 * 32).Count(i => view.Pixels.AsSpan(3 * i, 3).SequenceEqual<byte>([1, 2, 3]));
        Assert.InRange(covered, 13 * 13, 16 * 16);
        Assert.InRange(outside, 32 * 32 - 18 * 18, 32 * 32 - 15 * 15);
    }

    [Fact]
    public void Affine_crop_turns_about_the_middle_of_what_it_shows()
    {
        var image = Plain(33, 0);
        for (var x = 0; x < 33; x++) { image.Row(16).Slice(3 * x, 3).Fill(255); }
        var turned = 0;
        for (var index = 0; index < 20; index++)
        {
            var view = Apply(new RandomAffineCrop(33, MinScale: 1, MaxScale: 1, Degrees: 90, MaxRatio: 1), image, index);
            Assert.Equal(255, view.Row(16)[3 * 16]);
            if (view.Row(16)[3 * 4] < 128) { turned++; }
        }

        Assert.InRange(turned, 10, 20);
    }

    [Fact]
    public void Affine_crop_draws_other_views_for_other_samples_and_the_same_for_the_same()
    {
        var image = Noise(24, 24);
        var crop = new RandomAffineCrop(24, Degrees: 15, Shear: 0.1);
        Assert.Equal(Apply(crop, image, 3).Pixels, Apply(crop, image, 3).Pixels);
        Assert.NotEqual(Apply(crop, image, 3).Pixels, Apply(crop, image, 4).Pixels);
    }

    [Fact]
    public void Colour_jitter_of_strength_0_changes_nothing_and_grey_has_equal_channels()
    {
        var image = Noise(9, 5);
        Assert.All(Apply(new ColourJitter(0), image).Pixels.Zip(image.Pixels), p => Assert.InRange(p.First - p.Second, -1, 0));
        var grey = Apply(new ColourJitter(0, GrayProb: 1), image).Pixels;
        Assert.All(Enumerable.Range(0, 45), i => Assert.True(grey[3 * i] == grey[3 * i + 1] && grey[3 * i] == grey[3 * i + 2]));
        var before = image.Pixels.ToArray();
        Assert.NotEqual(before, Apply(new ColourJitter(0.4, 0.2), image).Pixels);
        Assert.Equal(before, image.Pixels);
    }

    [Fact]
    public void Stroke_grows_shrinks_or_blurs_a_dot()
    {
        var image = Plain(5, 255);
        image.Row(2).Slice(6, 3).Clear();
        var seen = Enumerable.Range(0, 40).Select(i => Apply(new RandomStroke(1), image, i).Pixels.Count(v => v < 255) / 3).Distinct().Order();
        Assert.Equal([0, 5, 9], seen);
        Assert.Same(image, Apply(new RandomStroke(0), image));
    }

    [Fact]
    public void Erasing_covers_one_rectangle()
    {
        var erased = Apply(new RandomErasing(1) { Fill = (7, 7, 7) }, Plain(40, 200));
        var inside = Enumerable.Range(0, 1600).Where(i => erased.Pixels[3 * i] == 7).Select(i => (Y: i / 40, X: i % 40)).ToArray();
        int width = inside.Max(p => p.X) - inside.Min(p => p.X) + 1, height = inside.Max(p => p.Y) - inside.Min(p => p.Y) + 1;
        Assert.Equal(width * height, inside.Length);
        Assert.InRange(width, 8, 18);
        Assert.InRange(height, 8, 18);
    }
}
