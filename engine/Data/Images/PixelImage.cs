using System;

namespace FlorenceKernels.Data;

/// <summary>Pixels of 8 bits a channel, row by row from the top, channels innermost. [Height, Width, Channels]</summary>
public abstract class PixelImage
{
    private protected PixelImage(int width, int height, int channels, byte[]? pixels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        var length = (long)width * height * channels;
        if (length > Array.MaxLength)
            throw new ArgumentOutOfRangeException(nameof(width),
                $"An image of {width}x{height} with {channels} channels does not fit in one array.");
        if (pixels is not null && pixels.Length != length)
            throw new ArgumentException(
                $"{width}x{height} with {channels} channels needs {length} bytes but {pixels.Length} were given.", nameof(pixels));
        (Width, Height, Channels, Pixels) = (width, height, channels, pixels ?? new byte[length]);
    }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Bytes a pixel.</summary>
    public int Channels { get; }

    /// <summary>All bytes, owned by the image and open to change. [Height, Width, Channels]</summary>
    public byte[] Pixels { get; }

    /// <summary>One row. [Width, Channels]</summary>
    public Span<byte> Row(int y) => Pixels.AsSpan(y * Width * Channels, Width * Channels);
}
