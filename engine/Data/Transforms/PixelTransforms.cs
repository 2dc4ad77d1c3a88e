using System;

namespace FlorenceKernels.Data;

/// <summary>Random brightness, contrast about mid grey, saturation about the pixel's own grey, and a gain of each channel; every
/// factor is uniform in 1 ± its strength.</summary>
/// <param name="Strength">Of brightness, contrast and saturation.</param>
/// <param name="Channel">Of the gains of red, green and blue: a change of hue.</param>
/// <param name="GrayProb">How often the colour is taken away altogether.</param>
public sealed record ColourJitter(double Strength, double Channel = 0, double GrayProb = 0) : IImageTransform
{
    private const double MidGrey = 128;

    /// <inheritdoc/>
    public RgbImage Apply(RgbImage image, ref SampleRandom random)
    {
        ArgumentNullException.ThrowIfNull(image);
        static double Factor(double strength, ref SampleRandom random) => 1 + strength * random.NextDouble(-1, 1);
        double brightness = Factor(Strength, ref random), contrast = Factor(Strength, ref random), saturation = Factor(Strength, ref random);
        if (random.NextDouble() < GrayProb) { saturation = 0; }
        var result = new RgbImage(image.Width, image.Height);
        Span<double> gains = [Factor(Channel, ref random), Factor(Channel, ref random), Factor(Channel, ref random)];
        foreach (ref var gain in gains) { gain *= brightness * contrast; }
        var (from, to) = (image.Pixels, result.Pixels);
        var offset = MidGrey * (1 - contrast);
        for (var i = 0; i < from.Length; i += 3)
        {
            var grey = 0.299 * from[i] + 0.587 * from[i + 1] + 0.114 * from[i + 2];
            for (var c = 0; c < 3; c++)
            {
                to[i + c] = (byte)Math.Clamp(gains[c] * (grey + saturation * (from[i + c] - grey)) + offset, 0, 255);
            }
        }

        return result;
    }
}

/// <summary>With this probability every channel becomes the smallest, the largest (of a pixel and its four neighbours) or the mean
/// (of 3×3): dark lines grow, shrink or blur, as from another pen.</summary>
public sealed record RandomStroke(double StrokeProb) : IImageTransform
{
    /// <inheritdoc/>
    public RgbImage Apply(RgbImage image, ref SampleRandom random)
    {
        ArgumentNullException.ThrowIfNull(image);
        return random.NextDouble() < StrokeProb
            ? random.NextInt32(3) switch
            {
                0 => Neighbours(image, Math.Min),
                1 => Neighbours(image, Math.Max),
                _ => Mean(image),
            }
            : image;
    }

    private static RgbImage Neighbours(RgbImage image, Func<byte, byte, byte> pick)
    {
        var result = new RgbImage(image.Width, image.Height);
        for (var y = 0; y < image.Height; y++)
        {
            Span<byte> row = image.Row(y), above = image.Row(Math.Max(0, y - 1)), below = image.Row(Math.Min(image.Height - 1, y + 1));
            var to = result.Row(y);
            for (var i = 0; i < to.Length; i++)
            {
                var sides = pick(row[i < 3 ? i : i - 3], row[i + 3 < to.Length ? i + 3 : i]);
                to[i] = pick(row[i], pick(sides, pick(above[i], below[i])));
            }
        }

        return result;
    }

    private static RgbImage Mean(RgbImage image)
    {
        var result = new RgbImage(image.Width, image.Height);
        for (var y = 0; y < image.Height; y++)
        {
            Span<byte> row = image.Row(y), above = image.Row(Math.Max(0, y - 1)), below = image.Row(Math.Min(image.Height - 1, y + 1));
            var to = result.Row(y);
            for (var i = 0; i < to.Length; i++)
            {
                int l = i < 3 ? i : i - 3, r = i + 3 < to.Length ? i + 3 : i;
                to[i] = (byte)((above[l] + above[i] + above[r] + row[l] + row[i] + row[r] + below[l] + below[i] + below[r] + 4) / 9);
            }
        }

        return result;
    }
}

/// <summary>With this probability a rectangle of a fifth to under a half of each side is covered (Zhong et al. 2017).</summary>
public sealed record RandomErasing(double ErasingProb) : IImageTransform
{
    private const double Smallest = 0.2, Largest = 0.45;

    /// <summary>Colour of the cover.</summary>
    public (byte R, byte G, byte B) Fill { get; init; } = (255, 255, 255);

    /// <inheritdoc/>
    public RgbImage Apply(RgbImage image, ref SampleRandom random)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (random.NextDouble() >= ErasingProb) { return image; }
        var result = new RgbImage(image.Width, image.Height, [.. image.Pixels]);
        int w = (int)(image.Width * random.NextDouble(Smallest, Largest)), h = (int)(image.Height * random.NextDouble(Smallest, Largest));
        int left = random.NextInt32(image.Width - w + 1), top = random.NextInt32(image.Height - h + 1);
        for (var y = top; y < top + h; y++)
        {
            var row = result.Row(y).Slice(3 * left, 3 * w);
            for (var i = 0; i < row.Length; i += 3) { (row[i], row[i + 1], row[i + 2]) = Fill; }
        }

        return result;
    }
}
