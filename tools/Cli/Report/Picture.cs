using System;
using FlorenceKernels.Checkpoints;
using SkiaSharp;

namespace FlorenceKernels.Cli;

/// <summary>A white sheet to draw on, saved as PNG.</summary>
internal sealed class Picture : IDisposable
{
    private readonly SKSurface _surface;

    public Picture(int width, int height)
    {
        (Width, Height) = (width, height);
        _surface = SKSurface.Create(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Premul))
            ?? throw new InvalidOperationException($"no memory for a picture of {width}x{height}");
        Canvas.Clear(SKColors.White);
    }

    public int Width { get; }

    public int Height { get; }

    public SKCanvas Canvas => _surface.Canvas;

    public void Text(string text, float x, float y, float size, SKColor colour, float align = 0, bool isBold = false) =>
        StrokeFont.Draw(Canvas, text, x, y, size, colour, align, isBold);

    public void Line(float x0, float y0, float x1, float y1, SKColor colour, float width = 1)
    {
        using var paint = new SKPaint { Color = colour, StrokeWidth = width, IsAntialias = true, Style = SKPaintStyle.Stroke };
        Canvas.DrawLine(x0, y0, x1, y1, paint);
    }

    public void Box(SKRect box, SKColor colour, float corner = 0)
    {
        using var paint = new SKPaint { Color = colour, IsAntialias = true };
        Canvas.DrawRoundRect(box, corner, corner, paint);
    }

    public void Frame(SKRect box, SKColor colour, float width, float corner = 0)
    {
        using var paint = new SKPaint { Color = colour, IsAntialias = true, Style = SKPaintStyle.Stroke, StrokeWidth = width };
        Canvas.DrawRoundRect(box, corner, corner, paint);
    }

    /// <summary>Draws straight-alpha RGBA pixels into a box.</summary>
    public void Image(ReadOnlySpan<byte> rgba, int side, SKRect box)
    {
        using var image = SKImage.FromPixelCopy(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Unpremul),
            rgba.ToArray());
        Canvas.DrawImage(image, box, new SKSamplingOptions(SKCubicResampler.Mitchell), null);
    }

    public byte[] Png()
    {
        using var image = _surface.Snapshot();
        using var data = image.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    public void Save(string path)
    {
        var png = Png();
        AtomicFile.Write(path, stream => stream.Write(png));
    }

    public void Dispose() => _surface.Dispose();
}

/// <summary>The colours of all pictures and of the report.</summary>
internal static class Palette
{
    public static readonly SKColor Ink = new(0x22, 0x2b, 0x38), Quiet = new(0x6b, 0x76, 0x86), Grid = new(0xe4, 0xe8, 0xee),
        Ours = new(0x2f, 0x6f, 0xd0),
        Bar = new(0xe0, 0x8a, 0x1e), Target = new(0x2a, 0x9d, 0x5c), Chance = new(0x9a, 0xa4, 0xb2),
            Right = new(0x1f, 0x8a, 0x4c), Light = new(0xf5, 0xf7, 0xfa);
}
