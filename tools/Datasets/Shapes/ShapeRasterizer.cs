using System;
using System.Collections.Generic;

namespace FlorenceKernels.Datasets;

/// <summary>
/// Draws shapes over a plain ground with 4x4 samples a pixel; floats in a fixed order, so equal on every machine of one kind.
/// </summary>
internal static class ShapeRasterizer
{
    private const int Samples = 4;

    public static byte[] Draw(IReadOnlyList<Shape> shapes, Colour ground, int side)
    {
        var rgba = new byte[side * side * 4];
        for (int i = 0; i < rgba.Length; i += 4) (rgba[i], rgba[i + 1], rgba[i + 2], rgba[i + 3]) = (ground.R, ground.G,
            ground.B, 255);
        foreach (Shape shape in shapes) Paint(rgba, side, shape);
        return rgba;
    }

    private static void Paint(byte[] rgba, int side, Shape shape)
    {
        float reach = shape.Radius * 1.45f;
        int left = Clamp(shape.X - reach), right = Clamp(shape.X + reach), top = Clamp(shape.Y - reach),
            bottom = Clamp(shape.Y + reach);
        (float sin, float cos) = MathF.SinCos(shape.Turn);
        for (int y = top; y <= bottom; y++)
        {
            for (int x = left; x <= right; x++) PaintPixel(rgba.AsSpan((y * side + x) * 4, 4), side, shape, x, y, sin, cos);
        }

        int Clamp(float at) => Math.Clamp((int)MathF.Floor(at * side), 0, side - 1);
    }

    private static void PaintPixel(Span<byte> pixel, int side, Shape shape, int x, int y, float sin, float cos)
    {
        int fill = 0, edge = 0;
        for (int s = 0; s < Samples * Samples; s++)
        {
            float px = (x + (s % Samples + 0.5f) / Samples) / side - shape.X;
            float py = (y + (s / Samples + 0.5f) / Samples) / side - shape.Y;
            float u = (px * cos + py * sin) / shape.Radius, v = (py * cos - px * sin) / shape.Radius;
            if (!Shape.Inside(shape.Kind, u, v)) continue;
            if (shape.Style == ShapeStyle.Outlined && !Shape.Inside(shape.Kind, u * 1.3f, v * 1.3f)) edge++;
            else fill++;
        }

        if (fill + edge == 0) return;
        float light = shape.Style == ShapeStyle.Shaded
            ? 1.15f - 0.55f * Math.Clamp((y / (float)side - shape.Y) / shape.Radius * 0.5f + 0.5f, 0, 1) : 1;
        Mix(ref pixel[0], shape.Colour.R, light, fill, edge);
        Mix(ref pixel[1], shape.Colour.G, light, fill, edge);
        Mix(ref pixel[2], shape.Colour.B, light, fill, edge);
    }

    private static void Mix(ref byte under, byte colour, float light, int fill, int edge)
    {
        const float all = Samples * Samples, outlineLight = 0.35f;
        float value = (fill * Math.Min(255f, colour * light) + edge * colour * outlineLight + (all - fill - edge) * under) / all;
        under = (byte)(value + 0.5f);
    }
}
