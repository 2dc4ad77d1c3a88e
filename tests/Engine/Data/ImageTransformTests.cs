using System;
using System.Linq;
using FlorenceKernels.Data;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class ImageTransformTests
{
    private static T Noise<T>(T image, int seed = 1) where T : PixelImage
    {
        new Random(seed).NextBytes(image.Pixels);
        return image;
    }

    [Theory]
    [InlineData(ResizeFilter.Bilinear)]
    [InlineData(ResizeFilter.Bicubic)]
    [InlineData(ResizeFilter.Lanczos)]
    [InlineData(ResizeFilter.Box)]
    public void Every_channel_count_gives_the_same_bytes_per_channel(ResizeFilter filter)
    {
        foreach (var (w, h, toW, toH) in new[] { (37, 23, 11, 40), (5, 7, 33, 3), (1, 1, 2, 2), (40, 1, 7, 1), (16, 16, 16, 5) })
        {
            var rgb = Noise(new RgbImage(w, h));
            var opaque = new RgbaImage(w, h);
            for (var i = 0; i < w * h; i++)
            {
                rgb.Pixels.AsSpan(3 * i, 3).CopyTo(opaque.Pixels.AsSpan(4 * i));
                opaque.Pixels[4 * i + 3] = 255;
            }
            var expected = Resampler.Resize(rgb, toW, toH, filter);
            Assert.Equal(expected.Pixels, Resampler.Resize(opaque, toW, toH, filter).ToRgb().Pixels);
            var red = new GrayImage(w, h, [.. rgb.Pixels.Where((_, i) => i % 3 == 0)]);
            Assert.Equal(expected.Pixels.Where((_, i) => i % 3 == 0), Resampler.Resize(red, toW, toH, filter).Pixels);
        }
    }

    [Fact]
    public void Hidden_colours_do_not_bleed_through_alpha()
    {
        var image = new RgbaImage(2, 1, [255, 0, 0, 255, 0, 255, 0, 0]);   // red beside invisible green
        var half = Resampler.Resize(image, 1, 1, ResizeFilter.Box);
        Assert.Equal([255, 0, 0, 128], half.Pixels);
        Assert.Equal([255, 127, 127], half.Over(255, 255, 255).Pixels);
    }

    [Fact]
    public void Pasting_blends_by_alpha_and_cuts_what_lies_outside()
    {
        var stamp = new RgbaImage(2, 2, [200, 0, 0, 255, 0, 200, 0, 255, 0, 0, 200, 51, 9, 9, 9, 0]);
        Assert.Equal([200, 0, 0, 0, 200, 0, 80, 80, 120, 100, 100, 100], stamp.Over(100, 100, 100).Pixels);
        var corner = new RgbImage(2, 2);
        stamp.PasteOnto(corner, -1, -1);
        stamp.PasteOnto(corner, 1, 1);
        stamp.PasteOnto(corner, 5, 0);
        stamp.PasteOnto(corner, int.MinValue / 2, int.MaxValue / 2);
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0], corner.Pixels);
    }

    [Fact]
    public void Sample_random_depends_on_every_part_of_the_key_and_is_fixed_for_ever()
    {
        ulong First(ulong seed, long epoch, long index) => new SampleRandom(seed, epoch, index).NextUInt64();
        Assert.Equal(First(1, 2, 3), First(1, 2, 3));
        ulong[] all = [First(1, 2, 3), First(2, 2, 3), First(1, 3, 3), First(1, 2, 4), First(1, 3, 2), First(3, 2, 1),
            First(2, 1, 3), First(0, 0, 0)];
        Assert.Equal(all.Length, all.Distinct().Count());
        var random = new SampleRandom(7, 0, 0);
        var mean = Enumerable.Range(0, 20_000).Average(_ => random.NextDouble());
        Assert.InRange(mean, 0.49, 0.51);   // standard error 0.002
        var firsts = Enumerable.Range(0, 20_000).Average(i => new SampleRandom(7, 0, i).NextDouble());
        Assert.InRange(firsts, 0.49, 0.51);
    }

    [Fact]
    public void Random_resized_crops_stay_inside_and_keep_scale_and_ratio()
    {
        var crop = new RandomResizedCrop(16, MinScale: 0.2, MaxScale: 0.9);
        var areas = new double[4000];
        for (var i = 0; i < areas.Length; i++)
        {
            var random = new SampleRandom(1, 0, i);
            var box = crop.Draw(120, 90, ref random);
            Assert.True(box.Top >= 0 && box.Top + box.Height <= 90, box.ToString());
            Assert.True(box.Left >= 0 && box.Left + box.Width <= 120, box.ToString());
            areas[i] = box.Width * box.Height / (120.0 * 90);
            Assert.InRange(areas[i], 0.19, 0.91);
            Assert.InRange((double)box.Width / box.Height, 0.73, 1.37);
            var again = new SampleRandom(1, 0, i);
            Assert.Equal(box, crop.Draw(120, 90, ref again));
        }
        Assert.InRange(areas.Average(), 0.48, 0.57);   // wide shapes of large area do not fit and are drawn again, so below .55
    }

    [Theory]
    [InlineData(400, 10, 0, 193, 10, 13)]
    [InlineData(10, 400, 193, 0, 13, 10)]
    [InlineData(1, 1, 0, 0, 1, 1)]
    public void Crops_of_shapes_that_never_fit_fall_back_to_the_middle(int width, int height, int top, int left, int h, int w)
    {
        var random = new SampleRandom(3, 1, 4);
        Assert.Equal(new CropBox(top, left, h, w), new RandomResizedCrop(8, MinScale: 0.99).Draw(width, height, ref random));
    }

    [Fact]
    public void The_same_key_gives_the_same_augmented_tensor()
    {
        var image = Noise(new RgbImage(50, 40));
        float[] Tensor(long epoch, long index)
        {
            var random = new SampleRandom(5, epoch, index);
            var chw = new float[3 * 32 * 32];
            Compose.PretrainAugmentation(32).Apply(image, ref random, chw);
            return chw;
        }
        Assert.Equal(Tensor(0, 1), Tensor(0, 1));
        Assert.NotEqual(Tensor(0, 1), Tensor(1, 1));
        Assert.NotEqual(Tensor(0, 1), Tensor(0, 2));
        Assert.Throws<ArgumentException>(() => Compose.SquareEval(32).Apply(image, new float[3]));
    }

    [Theory, InlineData(0), InlineData(255)]
    public void Middle_of_a_smaller_image_has_the_given_gray_around_it(byte gray)
    {
        var image = Noise(new RgbImage(3, 1));
        var centred = ImageGeometry.CenterCrop(image, 3, 5, gray);
        byte[] around = [gray, gray, gray];
        Assert.Equal([.. around, .. image.Pixels, .. around], centred.Row(1).ToArray());
        Assert.All(centred.Row(0).ToArray().Concat(centred.Row(2).ToArray()), b => Assert.Equal(gray, b));
    }

    [Fact]
    public void Flipping_twice_gives_the_image_back()
    {
        var image = Noise(new RgbImage(5, 3));
        var flipped = ImageGeometry.FlipHorizontal(image);
        Assert.Equal(image.Pixels[..3], flipped.Pixels[12..15]);
        Assert.Equal(image.Pixels, ImageGeometry.FlipHorizontal(flipped).Pixels);
        Assert.Throws<ArgumentException>(() => new RgbImage(2, 2, new byte[11]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RgbImage(1 << 20, 1 << 20));
    }
}
