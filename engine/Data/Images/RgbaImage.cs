using System;

namespace FlorenceKernels.Data;

/// <summary>A colour image with alpha, not premultiplied.</summary>
public sealed class RgbaImage(int width, int height, byte[]? pixels = null) : PixelImage(width, height, ChannelCount, pixels)
{
    internal const int ChannelCount = 4;

    /// <summary>Drops alpha, as PIL's convert("RGB"): a transparent pixel shows whatever colour it hides.</summary>
    public RgbImage ToRgb()
    {
        var rgb = new RgbImage(Width, Height);
        for (int p = 0, q = 0; p < Pixels.Length; p += ChannelCount, q += RgbImage.ChannelCount)
            Pixels.AsSpan(p, RgbImage.ChannelCount).CopyTo(rgb.Pixels.AsSpan(q));
        return rgb;
    }

    /// <summary>Laid over one colour.</summary>
    public RgbImage Over(byte red, byte green, byte blue)
    {
        var background = new RgbImage(Width, Height);
        for (var q = 0; q < background.Pixels.Length; q += RgbImage.ChannelCount)
            (background.Pixels[q], background.Pixels[q + 1], background.Pixels[q + 2]) = (red, green, blue);
        PasteOnto(background, 0, 0);
        return background;
    }

    /// <summary>Laid over part of a picture, in place, as PIL's paste with the alpha as mask; what lies outside is cut
    /// off.</summary>
    /// <param name="background">Picture to change.</param>
    /// <param name="left">Column of the picture where the left edge lands; may be negative.</param>
    /// <param name="top">Row of the picture where the top edge lands; may be negative.</param>
    public void PasteOnto(RgbImage background, int left, int top)
    {
        ArgumentNullException.ThrowIfNull(background);
        int firstX = Math.Max(0, -left), lastX = (int)Math.Min(Width, (long)background.Width - left);
        int firstY = Math.Max(0, -top), lastY = (int)Math.Min(Height, (long)background.Height - top);
        for (var y = firstY; y < lastY; y++)
        {
            var source = Row(y);
            var target = background.Row(y + top);
            for (var x = firstX; x < lastX; x++)
                Blend(source.Slice(x * ChannelCount, ChannelCount),
                    target.Slice((x + left) * RgbImage.ChannelCount, RgbImage.ChannelCount));
        }
    }

    private static void Blend(ReadOnlySpan<byte> source, Span<byte> target)
    {
        int alpha = source[3], rest = 255 - alpha;
        for (var c = 0; c < RgbImage.ChannelCount; c++) target[c] = DivideBy255(source[c] * alpha + target[c] * rest);
    }

    /// <summary>value / 255 rounded to nearest, for 0 ≤ value ≤ 255².</summary>
    private static byte DivideBy255(int value)
    {
        value += 128;
        return (byte)(((value >> 8) + value) >> 8);
    }

    internal RgbaImage Premultiplied()
    {
        var result = new RgbaImage(Width, Height);
        for (var p = 0; p < Pixels.Length; p += ChannelCount)
        {
            for (var c = 0; c < RgbImage.ChannelCount; c++) result.Pixels[p + c] = DivideBy255(Pixels[p + c] * Pixels[p + 3]);
            result.Pixels[p + 3] = Pixels[p + 3];
        }
        return result;
    }

    /// <summary>Undoes <see cref="Premultiplied"/> in place, as PIL: colours of alpha 0 and 255 stay, others are cut, not
    /// rounded.</summary>
    internal void Unpremultiply()
    {
        for (var p = 0; p < Pixels.Length; p += ChannelCount)
        {
            int alpha = Pixels[p + 3];
            if (alpha is 0 or 255) continue;
            for (var c = 0; c < RgbImage.ChannelCount; c++) Pixels[p + c] = (byte)Math.Min(255, 255 * Pixels[p + c] / alpha);
        }
    }
}
