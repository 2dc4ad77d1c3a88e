using System;
using System.Collections.Immutable;

namespace FlorenceKernels.Data;

/// <summary>One step from image to image.</summary>
public interface IImageTransform
{
    /// <summary>Applies the step; random steps draw from the sample's own numbers.</summary>
    RgbImage Apply(RgbImage image, ref SampleRandom random);
}

/// <summary>Makes the shorter side <paramref name="Size"/> and keeps the shape.</summary>
public sealed record ResizeShortSide(int Size, ResizeFilter Filter = ResizeFilter.Bicubic) : IImageTransform
{
    /// <inheritdoc/>
    public RgbImage Apply(RgbImage image, ref SampleRandom random)
    {
        ArgumentNullException.ThrowIfNull(image);
        var (width, height) = ImageGeometry.ShortSideSize(image.Width, image.Height, Size);
        return Resampler.Resize(image, width, height, Filter);
    }
}

/// <summary>Makes the image exactly this size, whatever its shape.</summary>
public sealed record ResizeTo(int Height, int Width, ResizeFilter Filter = ResizeFilter.Bicubic) : IImageTransform
{
    /// <inheritdoc/>
    public RgbImage Apply(RgbImage image, ref SampleRandom random) => Resampler.Resize(image, Width, Height, Filter);
}

/// <summary>Keeps the middle.</summary>
public sealed record CenterCrop(int Height, int Width) : IImageTransform
{
    /// <inheritdoc/>
    public RgbImage Apply(RgbImage image, ref SampleRandom random) => ImageGeometry.CenterCrop(image, Height, Width);
}

/// <summary>Mirrors the image with this probability.</summary>
public sealed record RandomHorizontalFlip(double FlipProb = 0.5) : IImageTransform
{
    /// <inheritdoc/>
    public RgbImage Apply(RgbImage image, ref SampleRandom random) =>
        random.NextDouble() < FlipProb ? ImageGeometry.FlipHorizontal(image) : image;
}

/// <summary>A part of random area and shape, resized to a square (Szegedy et al. 2015; torchvision's rule and
/// rounding).</summary>
/// <param name="Size">Side of the result.</param>
/// <param name="MinScale">Smallest part of the area.</param>
/// <param name="MaxScale">Largest part of the area.</param>
/// <param name="MinRatio">Smallest width / height.</param>
/// <param name="MaxRatio">Largest width / height.</param>
/// <param name="Filter">Filter of the resize.</param>
public sealed record RandomResizedCrop(
    int Size, double MinScale = 0.08, double MaxScale = 1, double MinRatio = 3.0 / 4, double MaxRatio = 4.0 / 3,
    ResizeFilter Filter = ResizeFilter.Bicubic) : IImageTransform
{
    private const int Attempts = 10;

    /// <inheritdoc/>
    public RgbImage Apply(RgbImage image, ref SampleRandom random)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Resampler.Resize(ImageGeometry.Crop(image, Draw(image.Width, image.Height, ref random)), Size, Size, Filter);
    }

    /// <summary>The part for an image of this size: ten tries at a random area and log-uniform shape, else the largest middle
    /// part of an allowed shape.</summary>
    public CropBox Draw(int width, int height, ref SampleRandom random)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var area = (double)width * height * random.NextDouble(MinScale, MaxScale);
            var ratio = Math.Exp(random.NextDouble(Math.Log(MinRatio), Math.Log(MaxRatio)));
            int w = Round(Math.Sqrt(area * ratio)), h = Round(Math.Sqrt(area / ratio));
            if (w > 0 && w <= width && h > 0 && h <= height)
                return new CropBox(random.NextInt32(height - h + 1), random.NextInt32(width - w + 1), h, w);
        }
        var (cropWidth, cropHeight) = (width, height);
        if ((double)width / height < MinRatio) cropHeight = Math.Max(1, Round(width / MinRatio));
        else if ((double)width / height > MaxRatio) cropWidth = Math.Max(1, Round(height * MaxRatio));
        return new CropBox((height - cropHeight) / 2, (width - cropWidth) / 2, cropHeight, cropWidth);
    }

    private static int Round(double value) => (int)Math.Round(value, MidpointRounding.ToEven);
}

/// <summary>Steps one after the other, then the normalisation.</summary>
public sealed record Compose(ImmutableArray<IImageTransform> Steps, ChannelNormalization Normalization)
{
    /// <summary>CLIP's evaluation: shorter side to the resolution, centre crop, CLIP's statistics.</summary>
    public static Compose ClipEval(int resolution) =>
        new([new ResizeShortSide(resolution), new CenterCrop(resolution, resolution)], ChannelNormalization.Clip);

    /// <summary>Swin's and UniCL's evaluation: shorter side to ⌊256/224·resolution⌋, centre crop, ImageNet's
    /// statistics.</summary>
    public static Compose SwinEval(int resolution) =>
        new([new ResizeShortSide(256 * resolution / 224), new CenterCrop(resolution, resolution)], ChannelNormalization.ImageNet);

    /// <summary>Swin's evaluation at 384: the whole image squeezed into a square, ImageNet's statistics.</summary>
    public static Compose SquareEval(int resolution) =>
        new([new ResizeTo(resolution, resolution)], ChannelNormalization.ImageNet);

    /// <summary>Pre-training: half to all of the area, shape 3:4 to 4:3, mirrored half the time, ImageNet's statistics.</summary>
    public static Compose PretrainAugmentation(int resolution) =>
        new([new RandomResizedCrop(resolution, MinScale: 0.5), new RandomHorizontalFlip()], ChannelNormalization.ImageNet);

    /// <summary>The steps without the normalisation.</summary>
    public RgbImage Apply(RgbImage image, ref SampleRandom random)
    {
        foreach (var step in Steps) image = step.Apply(image, ref random);
        return image;
    }

    /// <summary>Steps and normalisation into the caller's row of a batch. [3, H, W]</summary>
    /// <exception cref="ArgumentException">The row does not fit the last step's size.</exception>
    public void Apply(RgbImage image, ref SampleRandom random, Span<float> chw) =>
        Normalization.Apply(Apply(image, ref random), chw);

    /// <summary>As <see cref="Apply(RgbImage, ref SampleRandom, Span{float})"/> with the first sample's numbers, for steps that
    /// draw none.</summary>
    public void Apply(RgbImage image, Span<float> chw)
    {
        var random = new SampleRandom(0, 0, 0);
        Apply(image, ref random, chw);
    }
}
