using System;
using FlorenceKernels.Data;

namespace FlorenceKernels.Training;

/// <summary>An RGBA drawing to a normalised training image: random background, random crop, mirror, colour jitter. Evaluation puts the
/// drawing on white and resizes it.</summary>
public sealed class PairAugmentation(PretrainOptions options, int resolution)
{
    private readonly RandomResizedCrop _crop = new(resolution, MinScale: options.MinCropScale);
    private readonly ChannelNormalization _normalization = ChannelNormalization.ImageNet;
    private readonly int _side = resolution;

    /// <summary>Floats of one image.</summary>
    public int RowSize => 3 * _side * _side;

    /// <summary>A random view, from the sample's own seed.</summary>
    public void Train(PairSample sample, ReadOnlySpan<byte> rgba, SampleSeed seed, Span<float> chw)
    {
        var random = new SampleRandom(seed.Value(), 0, 0);
        var image = OnBackground(rgba, random.NextDouble() < 0.5 ? White : Pastel(ref random));
        image = _crop.Apply(image, ref random);
        if (random.NextDouble() < 0.5) { image = ImageGeometry.FlipHorizontal(image); }
        if (options.ColourJitter > 0) { Jitter(image, ref random); }
        _normalization.Apply(image, chw);
    }

    /// <summary>The one evaluation view.</summary>
    public void Evaluate(ReadOnlySpan<byte> rgba, Span<float> chw, bool isMirrored = false)
    {
        var image = OnBackground(rgba, White);
        if (image.Width != _side) { image = Resampler.Resize(image, _side, _side, ResizeFilter.Bicubic); }
        if (isMirrored) { image = ImageGeometry.FlipHorizontal(image); }
        _normalization.Apply(image, chw);
    }

    private static (byte R, byte G, byte B) White => (255, 255, 255);

    private static (byte R, byte G, byte B) Pastel(ref SampleRandom random) =>
        ((byte)(160 + random.NextInt32(96)), (byte)(160 + random.NextInt32(96)), (byte)(160 + random.NextInt32(96)));

    private static RgbImage OnBackground(ReadOnlySpan<byte> rgba, (byte R, byte G, byte B) colour)
    {
        var side = (int)Math.Sqrt(rgba.Length / 4);
        return new RgbaImage(side, side, rgba.ToArray()).Over(colour.R, colour.G, colour.B);
    }

    // v ← contrast·(v − grey) + saturation·… in one pass: brightness, contrast about mid grey, saturation about the pixel's own grey.
    private void Jitter(RgbImage image, ref SampleRandom random)
    {
        double Factor(ref SampleRandom r) => 1 + options.ColourJitter * (2 * r.NextDouble() - 1);
        double brightness = Factor(ref random), contrast = Factor(ref random), saturation = Factor(ref random);
        var pixels = image.Pixels;
        for (var i = 0; i < pixels.Length; i += 3)
        {
            var grey = 0.299 * pixels[i] + 0.587 * pixels[i + 1] + 0.114 * pixels[i + 2];
            for (var c = 0; c < 3; c++)
            {
                var v = (grey + saturation * (pixels[i + c] - grey)) * brightness;
                pixels[i + c] = (byte)Math.Clamp(128 + contrast * (v - 128), 0, 255);
            }
        }
    }
}
