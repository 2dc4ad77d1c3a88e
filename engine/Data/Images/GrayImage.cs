namespace FlorenceKernels.Data;

/// <summary>An image of one channel.</summary>
public sealed class GrayImage(int width, int height, byte[]? pixels = null) : PixelImage(width, height, 1, pixels)
{
    /// <summary>The same value in all three channels.</summary>
    public RgbImage ToRgb()
    {
        var rgb = new RgbImage(Width, Height);
        for (int i = 0, p = 0; i < Pixels.Length; i++, p += RgbImage.ChannelCount)
            rgb.Pixels[p] = rgb.Pixels[p + 1] = rgb.Pixels[p + 2] = Pixels[i];
        return rgb;
    }
}
