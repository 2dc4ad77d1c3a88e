using System;
using System.Buffers;

namespace FlorenceKernels.Data;

/// <summary>Resizes as PIL's Image.resize does, bit for bit on uint8.</summary>
public static class Resampler
{
    /// <summary>A colour image of the given size.</summary>
    public static RgbImage Resize(RgbImage image, int width, int height, ResizeFilter filter) =>
        Into(image, new RgbImage(width, height), filter);

    /// <summary>A grey image of the given size.</summary>
    public static GrayImage Resize(GrayImage image, int width, int height, ResizeFilter filter) =>
        Into(image, new GrayImage(width, height), filter);

    /// <summary>An image with alpha of the given size; colours are weighted by alpha, so hidden colours do not bleed
    /// in.</summary>
    public static RgbaImage Resize(RgbaImage image, int width, int height, ResizeFilter filter)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (filter == ResizeFilter.Nearest) return Into(image, new RgbaImage(width, height), filter);
        var resized = Into(image.Premultiplied(), new RgbaImage(width, height), filter);
        resized.Unpremultiply();
        return resized;
    }

    /// <summary>The same filters on floats without rounding between, as PIL's mode F: sums in double, rows across kept as
    /// float.</summary>
    /// <param name="source">[height, width, channels]</param>
    /// <param name="width">Source columns.</param>
    /// <param name="height">Source rows.</param>
    /// <param name="channels">Values a pixel.</param>
    /// <param name="target">[toHeight, toWidth, channels]</param>
    /// <param name="toWidth">Target columns.</param>
    /// <param name="toHeight">Target rows.</param>
    /// <param name="filter">Filter.</param>
    /// <exception cref="ArgumentException">A length does not fit its sizes.</exception>
    public static void Resize(
        ReadOnlySpan<float> source, int width, int height, int channels, Span<float> target, int toWidth, int toHeight,
        ResizeFilter filter)
    {
        RequireLength(source.Length, width, height, channels, nameof(source));
        RequireLength(target.Length, toWidth, toHeight, channels, nameof(target));
        if (filter == ResizeFilter.Nearest)
        {
            Nearest(source, width, height, channels, target, toWidth, toHeight);
            return;
        }
        var rented = ArrayPool<float>.Shared.Rent(checked(toWidth * height * channels));
        var across = rented.AsSpan(0, toWidth * height * channels);
        if (width == toWidth) source.CopyTo(across);
        else FloatsAcross(source, width, height, channels, new ResizeWeights(width, toWidth, filter), across);
        if (height == toHeight) across.CopyTo(target);
        else FloatsDown(across, toWidth * channels, new ResizeWeights(height, toHeight, filter), target);
        ArrayPool<float>.Shared.Return(rented);
    }

    private static T Into<T>(T image, T target, ResizeFilter filter) where T : PixelImage
    {
        ArgumentNullException.ThrowIfNull(image);
        int channels = image.Channels, stride = target.Width * channels;
        if (filter == ResizeFilter.Nearest)
        {
            Nearest<byte>(image.Pixels, image.Width, image.Height, channels, target.Pixels, target.Width, target.Height);
            return target;
        }
        // an axis of equal size has no pass, as in PIL
        bool isAcross = image.Width != target.Width, isDown = image.Height != target.Height;
        var across = !isAcross ? image.Pixels : !isDown ? target.Pixels
            : ArrayPool<byte>.Shared.Rent(checked(stride * image.Height));
        if (isAcross)
            ResizeBytes.Across(image.Pixels, image.Width, image.Height, channels,
                new ResizeWeights(image.Width, target.Width, filter), across);
        if (isDown) ResizeBytes.Down(across, stride, new ResizeWeights(image.Height, target.Height, filter), target.Pixels);
        else if (!isAcross) image.Pixels.CopyTo(target.Pixels, 0);
        if (isAcross && isDown) ArrayPool<byte>.Shared.Return(across);
        return target;
    }

    // positions are added up, not multiplied out: PIL's sum decides which side of a border a position falls on
    private static void Nearest<T>(
        ReadOnlySpan<T> from, int width, int height, int channels, Span<T> to, int toWidth, int toHeight)
    {
        var columns = Positions(width, toWidth);
        var rows = Positions(height, toHeight);
        for (var y = 0; y < toHeight; y++)
            for (var x = 0; x < toWidth; x++)
                from.Slice((rows[y] * width + columns[x]) * channels, channels).CopyTo(to[((y * toWidth + x) * channels)..]);
    }

    private static int[] Positions(int from, int to)
    {
        var positions = new int[to];
        var scale = (double)from / to;
        var at = scale * 0.5;
        for (var i = 0; i < to; i++, at += scale) positions[i] = Math.Min((int)at, from - 1);
        return positions;
    }

    private static void FloatsAcross(
        ReadOnlySpan<float> from, int width, int height, int channels, ResizeWeights weights, Span<float> to)
    {
        var toWidth = weights.First.Length;
        for (var y = 0; y < height; y++)
            for (var x = 0; x < toWidth; x++)
                for (var c = 0; c < channels; c++)
                {
                    var sum = 0.0;
                    for (var k = 0; k < weights.Count[x]; k++)
                        sum += from[(y * width + weights.First[x] + k) * channels + c] * weights.Exact[x * weights.Taps + k];
                    to[(y * toWidth + x) * channels + c] = (float)sum;
                }
    }

    private static void FloatsDown(ReadOnlySpan<float> from, int stride, ResizeWeights weights, Span<float> to)
    {
        for (var y = 0; y < weights.First.Length; y++)
            for (var i = 0; i < stride; i++)
            {
                var sum = 0.0;
                for (var k = 0; k < weights.Count[y]; k++)
                    sum += from[(weights.First[y] + k) * stride + i] * weights.Exact[y * weights.Taps + k];
                to[y * stride + i] = (float)sum;
            }
    }

    private static void RequireLength(int length, int width, int height, int channels, string name)
    {
        if (width < 1 || height < 1 || channels < 1 || (long)width * height * channels != length)
            throw new ArgumentException(
                $"{name} has {length} values, but {height}x{width} with {channels} channels was stated.", name);
    }
}
