using System;

namespace FlorenceKernels.Data;

/// <summary>A part of an image.</summary>
/// <param name="Top">First row; may lie outside.</param>
/// <param name="Left">First column; may lie outside.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
public readonly record struct CropBox(int Top, int Left, int Height, int Width);

/// <summary>Crops and flips with PIL's and torchvision's rounding.</summary>
public static class ImageGeometry
{
    /// <summary>A part of an image; what lies outside has <paramref name="gray"/> in all channels, black by default.</summary>
    public static RgbImage Crop(RgbImage image, CropBox box, byte gray = 0)
    {
        ArgumentNullException.ThrowIfNull(image);
        var result = new RgbImage(box.Width, box.Height);
        result.Pixels.AsSpan().Fill(gray);
        int first = Math.Max(0, -box.Left), last = (int)Math.Min(box.Width, (long)image.Width - box.Left);
        if (first >= last) return result;
        const int C = RgbImage.ChannelCount;
        for (var y = Math.Max(0, -box.Top); y < box.Height && y + box.Top < image.Height; y++)
            image.Row(y + box.Top).Slice((first + box.Left) * C, (last - first) * C).CopyTo(result.Row(y)[(first * C)..]);
        return result;
    }

    /// <summary>The middle of an image, <paramref name="gray"/> around it where the image is smaller. Odd remainders round half to even,
    /// as torchvision's center_crop.</summary>
    public static RgbImage CenterCrop(RgbImage image, int height, int width, byte gray = 0)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Crop(image, new CropBox(Offset(image.Height, height), Offset(image.Width, width), height, width), gray);
    }

    /// <summary>Left and right exchanged.</summary>
    public static RgbImage FlipHorizontal(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        const int C = RgbImage.ChannelCount;
        var result = new RgbImage(image.Width, image.Height);
        for (var y = 0; y < image.Height; y++)
        {
            var from = image.Row(y);
            var to = result.Row(y);
            for (var x = 0; x < image.Width; x++) from.Slice(x * C, C).CopyTo(to[((image.Width - 1 - x) * C)..]);
        }
        return result;
    }

    /// <summary>Size after the shorter side is made <paramref name="size"/>; the longer one is cut, not rounded, as
    /// torchvision.</summary>
    public static (int Width, int Height) ShortSideSize(int width, int height, int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        var longer = (int)((double)((long)size * Math.Max(width, height)) / Math.Min(width, height));
        return width <= height ? (size, longer) : (longer, size);
    }

    // a smaller image is padded by floor((crop - size) / 2) first, which is a negative offset
    private static int Offset(int size, int crop) =>
        size >= crop ? (int)Math.Round((size - crop) / 2.0, MidpointRounding.ToEven) : -((crop - size) / 2);
}
