using System;
using System.Threading;
using System.Threading.Tasks;
using ImageMagick;

namespace FlorenceKernels.Datasets;

/// <summary>Draws vector and pixel images into squares of RGBA bytes, keeping the aspect, on nothing.</summary>
internal static class Rasterizer
{
    private const int MaxSide = 6000;
    private const byte Visible = 8;

    // What is left after cutting margins is at least a quarter of the page as a rule, and then is not drawn too coarsely.
    private const int TrimScale = 4;

    /// <summary>
    /// Draws every image on <paramref name="threads"/> threads; the fault of one that cannot be drawn stands in its place.
    /// </summary>
    public static (byte[]? Rgba, string? Fault)[] DrawAll(
        SourceImage[] images, int side, int threads, Action<int>? progress, CancellationToken cancel)
    {
        ResourceLimits.Thread = 1; // the parallelism is over images
        var drawn = new (byte[]? Rgba, string? Fault)[images.Length];
        int done = 0;
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancel };
        Parallel.For(0, images.Length, options, i =>
        {
            try
            {
                drawn[i].Rgba = Draw(images[i].Bytes(), images[i].Format, side, images[i].Trim);
            }
            catch (Exception error) when (error is MagickException or System.IO.InvalidDataException)
            {
                // Magick goes on with the name of a temporary file, which would make reports of equal builds differ.
                drawn[i].Fault = error.Message.Split('`')[0].TrimEnd();
            }

            int now = Interlocked.Increment(ref done);
            if (now % 500 == 0 || now == images.Length) progress?.Invoke(now);
        });
        return drawn;
    }

    public static byte[] Draw(byte[] file, ImageFormat format, int side, bool trim)
    {
        var settings = new MagickReadSettings
        {
            Format = format == ImageFormat.Svg ? MagickFormat.Svg : MagickFormat.Png,
            BackgroundColor = MagickColors.Transparent,
        };
        uint drawn = (uint)(trim ? side * TrimScale : side);
        if (format == ImageFormat.Svg) (settings.Width, settings.Height) = (drawn, drawn);
        else Refuse(new MagickImageInfo(file, settings));
        using var image = new MagickImage(file, settings);
        image.BackgroundColor = MagickColors.Transparent;
        if (trim) CutMargins(image);
        if (image.Width != side || image.Height != side)
        {
            if (Math.Max(image.Width, image.Height) != side) image.Resize((uint)side, (uint)side);
            image.Extent((uint)side, (uint)side, Gravity.Center, MagickColors.Transparent);
        }

        image.ColorSpace = ColorSpace.sRGB;
        using IPixelCollection<byte> pixels = image.GetPixels();
        byte[] rgba = pixels.ToByteArray(PixelMapping.RGBA)
            ?? throw new System.IO.InvalidDataException("the image has no pixels");
        if (rgba.Length != side * side * 4)
            throw new System.IO.InvalidDataException($"the image has {rgba.Length} bytes of pixels");
        if (IsBlank(rgba)) throw new System.IO.InvalidDataException("nothing is drawn");
        return rgba;
    }

    /// <summary>
    /// Crops to what is not transparent. (Magick's own trim takes the corners' colours for the ground and eats flags.)
    /// </summary>
    private static void CutMargins(MagickImage image)
    {
        byte[] alpha;
        using (IPixelCollection<byte> pixels = image.GetPixels()) alpha = pixels.ToByteArray(PixelMapping.RGBA)!;
        int width = (int)image.Width, left = width, right = -1, top = (int)image.Height, bottom = -1;
        for (int i = 3; i < alpha.Length; i += 4)
        {
            if (alpha[i] < Visible) continue;
            int x = i / 4 % width, y = i / 4 / width;
            (left, right, top, bottom) = (Math.Min(left, x), Math.Max(right, x), Math.Min(top, y), Math.Max(bottom, y));
        }

        if (right < 0) return;
        image.Crop(new MagickGeometry(left, top, (uint)(right - left + 1), (uint)(bottom - top + 1)));
        image.ResetPage();
    }

    private static bool IsBlank(byte[] rgba)
    {
        for (int i = 3; i < rgba.Length; i += 4)
        {
            if (rgba[i] >= Visible) return false;
        }

        return true;
    }

    private static void Refuse(MagickImageInfo info)
    {
        if (info.Width > MaxSide || info.Height > MaxSide)
            throw new System.IO.InvalidDataException($"the image has {info.Width}x{info.Height} pixels, above {MaxSide}");
    }
}
