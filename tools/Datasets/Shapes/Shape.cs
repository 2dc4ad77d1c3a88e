using System;

namespace FlorenceKernels.Datasets;

internal enum ShapeKind { Circle, Square, Triangle, Diamond, Star, Cross, Ring, Hexagon }

/// <summary>How an artist draws: the held-out splits use styles that training never shows.</summary>
internal enum ShapeStyle { Plain, Outlined, Shaded }

internal readonly record struct Colour(string Name, byte R, byte G, byte B);

/// <summary>One shape in a scene; positions and the radius are in units of the image side.</summary>
internal readonly record struct Shape(ShapeKind Kind, Colour Colour, float X, float Y, float Radius, float Turn, ShapeStyle Style)
{
    /// <summary>Whether the point (u, v), in units of the radius about the centre, lies inside.</summary>
    public static bool Inside(ShapeKind kind, float u, float v) => kind switch
    {
        ShapeKind.Circle => u * u + v * v <= 1,
        ShapeKind.Square => MathF.Max(MathF.Abs(u), MathF.Abs(v)) <= 0.82f,
        ShapeKind.Triangle => v <= 0.75f && MathF.Abs(u) * 1.75f <= v + 1,
        ShapeKind.Diamond => MathF.Abs(u) * 1.35f + MathF.Abs(v) <= 1,
        ShapeKind.Star => InStar(u, v),
        ShapeKind.Cross => MathF.Min(MathF.Abs(u), MathF.Abs(v)) <= 0.3f && MathF.Max(MathF.Abs(u), MathF.Abs(v)) <= 0.95f,
        ShapeKind.Ring => u * u + v * v is <= 1 and >= 0.3f,
        _ => MathF.Max(MathF.Abs(v) * 1.1547f, MathF.Abs(u) + MathF.Abs(v) * 0.57735f) <= 1,
    };

    /// <summary>A five-pointed star: the radius of its edge falls from 1 at a point to .42 half way to the next.</summary>
    private static bool InStar(float u, float v)
    {
        const float inner = 0.42f, half = MathF.PI / 5;
        float angle = MathF.Atan2(u, -v);
        float off = MathF.Abs(MathF.IEEERemainder(angle, 2 * half));
        // The edge is the straight line from (1, angle 0) to (inner, angle half) in polar form.
        float sin = MathF.Sin(half), cos = MathF.Cos(half);
        float edge = inner * sin / (inner * sin * MathF.Cos(off) + (1 - inner * cos) * MathF.Sin(off));
        return u * u + v * v <= edge * edge;
    }
}
