namespace FlorenceKernels.Data;

/// <summary>A colour image: red, green, blue.</summary>
public sealed class RgbImage(int width, int height, byte[]? pixels = null) : PixelImage(width, height, ChannelCount, pixels)
{
    internal const int ChannelCount = 3;

    /// <summary>Luma of ITU-R 601 in 16-bit fixed point, as PIL's convert("L").</summary>
    public GrayImage ToGray()
    {
        var gray = new GrayImage(Width, Height);
        var (from, to) = (Pixels, gray.Pixels);
        for (int i = 0, p = 0; i < to.Length; i++, p += ChannelCount)
            to[i] = (byte)((from[p] * 19595 + from[p + 1] * 38470 + from[p + 2] * 7471 + 0x8000) >> 16);
        return gray;
    }
}
