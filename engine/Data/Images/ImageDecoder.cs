using System;
using System.IO;
using System.Runtime.InteropServices;
using SkiaSharp;

namespace FlorenceKernels.Data;

/// <summary>What a decoder accepts.</summary>
/// <param name="MaxPixels">Most pixels, checked against the header before any pixel is decoded.</param>
/// <param name="MaxBytes">Largest file.</param>
public sealed record ImageLimits(long MaxPixels = 25_000_000, int MaxBytes = 64 << 20);

/// <summary>What the header of a picture says.</summary>
/// <param name="Width">Columns as stored: an orientation note in the file is not applied, as PIL does not.</param>
/// <param name="Height">Rows as stored.</param>
/// <param name="Format">"Png", "Jpeg" or "Webp".</param>
public readonly record struct ImageHeader(int Width, int Height, string Format);

/// <summary>Decodes PNG, JPEG and WebP (of an animation the first frame) with Skia. Colour profiles are ignored, as in
/// PIL.</summary>
public static class ImageDecoder
{
    private static readonly ImageLimits _defaultLimits = new();

    /// <summary>Reads size and format without decoding.</summary>
    /// <exception cref="ImageDecodeException">Unknown format, or larger than the limits.</exception>
    public static ImageHeader ReadHeader(ReadOnlySpan<byte> file, ImageLimits? limits = null)
    {
        using var data = Copy(file, limits ?? _defaultLimits);
        using var codec = Open(data, limits ?? _defaultLimits, out var header);
        return header;
    }

    /// <summary>Decodes a picture with alpha; an opaque one has alpha 255 everywhere.</summary>
    /// <exception cref="ImageDecodeException">Unknown format, larger than the limits, or damaged.</exception>
    public static RgbaImage Decode(ReadOnlySpan<byte> file, ImageLimits? limits = null)
    {
        using var data = Copy(file, limits ?? _defaultLimits);
        using var codec = Open(data, limits ?? _defaultLimits, out var header);
        var image = new RgbaImage(header.Width, header.Height);
        var info = new SKImageInfo(header.Width, header.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        var pin = GCHandle.Alloc(image.Pixels, GCHandleType.Pinned);
        try
        {
            var result = codec.GetPixels(info, pin.AddrOfPinnedObject());
            if (result != SKCodecResult.Success) throw Damaged(header, result);
        }
        finally
        {
            pin.Free();
        }
        return image;
    }

    /// <summary>Decodes a file; see <see cref="Decode"/>.</summary>
    /// <exception cref="ImageDecodeException">As for <see cref="Decode"/>.</exception>
    public static RgbaImage DecodeFile(string path, ImageLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        RequireBytes(new FileInfo(path).Length, limits ?? _defaultLimits);
        return Decode(File.ReadAllBytes(path), limits);
    }

    private static ImageDecodeException Damaged(ImageHeader header, SKCodecResult result) => new(
        ImageDecodeFailure.Damaged,
        result == SKCodecResult.IncompleteInput
            ? $"The {header.Format} picture of {header.Width}x{header.Height} is cut off."
            : $"The {header.Format} picture of {header.Width}x{header.Height} is damaged ({result}).");

    private static SKData Copy(ReadOnlySpan<byte> file, ImageLimits limits)
    {
        RequireBytes(file.Length, limits);
        return SKData.CreateCopy(file);
    }

    private static void RequireBytes(long length, ImageLimits limits)
    {
        if (length == 0) throw new ImageDecodeException(ImageDecodeFailure.UnknownFormat, "The picture has no bytes.");
        if (length > limits.MaxBytes)
            throw new ImageDecodeException(ImageDecodeFailure.TooManyBytes,
                $"The picture has {length} bytes, more than the {limits.MaxBytes} allowed.");
    }

    private static SKCodec Open(SKData data, ImageLimits limits, out ImageHeader header)
    {
        var codec = SKCodec.Create(data)
            ?? throw new ImageDecodeException(ImageDecodeFailure.UnknownFormat,
                "The bytes are no PNG, JPEG or WebP picture with a sound header.");
        header = new ImageHeader(codec.Info.Width, codec.Info.Height, codec.EncodedFormat.ToString());
        if (codec.EncodedFormat is not (SKEncodedImageFormat.Png or SKEncodedImageFormat.Jpeg or SKEncodedImageFormat.Webp))
        {
            codec.Dispose();
            throw new ImageDecodeException(ImageDecodeFailure.UnknownFormat,
                $"The picture is {header.Format}, but only PNG, JPEG and WebP are read.");
        }
        if ((long)header.Width * header.Height <= limits.MaxPixels) return codec;
        codec.Dispose();
        throw new ImageDecodeException(
            ImageDecodeFailure.TooManyPixels,
            $"The picture of {header.Width}x{header.Height} has more than the {limits.MaxPixels} pixels allowed.");
    }
}
