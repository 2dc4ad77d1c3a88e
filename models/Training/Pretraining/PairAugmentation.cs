using System;
using FlorenceKernels.Data;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Training;

/// <summary>How strongly training pictures are varied. The next artist differs from the known ones in palette, line and framing, so these
/// vary too; chosen on the validation artist.</summary>
public sealed record AugmentationOptions
{
    /// <summary>Smallest area of the random crop.</summary>
    public double MinScale { get; init; } = 0.5;

    /// <summary>Largest area of the random crop; above 1 it shows background around the picture.</summary>
    public double MaxScale { get; init; } = 1.15;

    /// <summary>Largest turn, in degrees.</summary>
    public double Degrees { get; init; } = 10;

    /// <summary>Largest slant, columns per row.</summary>
    public double Shear { get; init; } = 0.1;

    /// <summary>Strength of random brightness, contrast and saturation, 0 for none.</summary>
    public double ColourJitter { get; init; } = 0.4;

    /// <summary>Strength of random gains of red, green and blue.</summary>
    public double ChannelJitter { get; init; } = 0.15;

    /// <summary>How often a picture loses its colours.</summary>
    public double GrayProb { get; init; } = 0.1;

    /// <summary>How often lines grow, shrink or blur.</summary>
    public double StrokeProb { get; init; } = 0.3;

    /// <summary>How often a rectangle is covered.</summary>
    public double ErasingProb { get; init; } = 0.1;

    /// <summary>How often the background is white, as in evaluation; else it is a random light colour.</summary>
    public double WhiteProb { get; init; } = 0.5;

    internal void Validate()
    {
        static bool IsShare(double p) => p is >= 0 and <= 1;
        var isPicture = MinScale > 0 && MaxScale >= MinScale && Degrees is >= 0 and <= 180 && Shear >= 0;
        if (!isPicture) { throw new FlorenceException("pretrain: augmentation needs 0 < minScale <= maxScale, degrees in [0, 180] and shear >= 0"); }
        if (!IsShare(ColourJitter) || !IsShare(ChannelJitter)) { throw new FlorenceException("pretrain: augmentation needs colourJitter and channelJitter in [0, 1]"); }
        if (!IsShare(GrayProb) || !IsShare(StrokeProb) || !IsShare(ErasingProb) || !IsShare(WhiteProb))
        {
            throw new FlorenceException("pretrain: augmentation needs grayProb, strokeProb, erasingProb and whiteProb in [0, 1]");
        }
    }
}

/// <summary>An RGBA drawing to a normalised training image: on a background, with other lines, framed anew, mirrored, in other colours,
/// partly covered. Evaluation puts the drawing on white and resizes it.</summary>
public sealed class PairAugmentation(AugmentationOptions options, int resolution)
{
    private readonly RandomStroke _stroke = new(options.StrokeProb);
    private readonly RandomAffineCrop _crop = new(resolution, options.MinScale, options.MaxScale, options.Degrees, options.Shear);
    private readonly RandomHorizontalFlip _flip = new();
    private readonly ColourJitter _colours = new(options.ColourJitter, options.ChannelJitter, options.GrayProb);
    private readonly RandomErasing _erasing = new(options.ErasingProb);
    private readonly ChannelNormalization _normalization = ChannelNormalization.ImageNet;

    /// <summary>Floats of one image.</summary>
    public int RowSize => 3 * resolution * resolution;

    /// <summary>A random view, from the sample's own seed.</summary>
    public void Train(PairSample sample, ReadOnlySpan<byte> rgba, SampleSeed seed, Span<float> chw)
    {
        var random = new SampleRandom(seed.Value(), 0, 0);
        var background = random.NextDouble() < options.WhiteProb ? White : Light(ref random);
        var image = _stroke.Apply(OnBackground(rgba, background), ref random);
        image = (_crop with { Fill = background }).Apply(image, ref random);
        image = _colours.Apply(_flip.Apply(image, ref random), ref random);
        image = (_erasing with { Fill = background }).Apply(image, ref random);
        _normalization.Apply(image, chw);
    }

    /// <summary>An evaluation view: on white, resized to <paramref name="zoom"/> times the resolution, of which the middle counts.</summary>
    public void Evaluate(ReadOnlySpan<byte> rgba, Span<float> chw, bool isMirrored = false, double zoom = 1)
    {
        var image = OnBackground(rgba, White);
        var side = 2 * (int)Math.Round(zoom * resolution / 2) + resolution % 2; // as odd as the resolution: the middle stays the middle
        if (image.Width != side) { image = Resampler.Resize(image, side, side, ResizeFilter.Bicubic); }
        image = ImageGeometry.CenterCrop(image, resolution, resolution, gray: byte.MaxValue);
        if (isMirrored) { image = ImageGeometry.FlipHorizontal(image); }
        _normalization.Apply(image, chw);
    }

    private static (byte R, byte G, byte B) White => (255, 255, 255);

    private static (byte R, byte G, byte B) Light(ref SampleRandom random) =>
        ((byte)(160 + random.NextInt32(96)), (byte)(160 + random.NextInt32(96)), (byte)(160 + random.NextInt32(96)));

    private static RgbImage OnBackground(ReadOnlySpan<byte> rgba, (byte R, byte G, byte B) colour)
    {
        var side = (int)Math.Sqrt(rgba.Length / 4);
        return new RgbaImage(side, side, rgba.ToArray()).Over(colour.R, colour.G, colour.B);
    }
}
