using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Data;
using FlorenceKernels.Datasets;
using FlorenceKernels.Models;
using FlorenceKernels.Training;

namespace FlorenceKernels.Tests.Models;

/// <summary>Scenes of one to three shapes whose boxes are known: the class is the colour.</summary>
internal static class ShapeBoxes
{
    private static readonly Colour White = new("white", 255, 255, 255);

    /// <summary>Scene <paramref name="index"/> of <paramref name="seed"/>; no other pair gives the same draws.</summary>
    public static DetectionSample Scene(ulong seed, long index, int side)
    {
        var random = new ShapeRandom(new SampleSeed(seed, 0, index));
        var shapes = ShapeSentences.Draw(ref random, 1 + random.Next(3), ShapeStyle.Plain).Shapes;
        var ground = ShapeScenes.Grounds[random.Next(ShapeScenes.Grounds.Length)];
        var rgba = ShapeRasterizer.Draw(shapes, ground, side);
        var pixels = new float[3 * side * side];
        for (var i = 0; i < pixels.Length; i++) { pixels[i] = rgba[i % (side * side) * 4 + i / (side * side)] / 64f - 2; }
        GroundTruth Object(Shape s) => new(Box(s, side), Array.IndexOf(ShapeScenes.Colours, s.Colour));
        return new($"{seed}/{index}", pixels, side, side, [.. shapes.Select(Object)]);
    }

    // What the shape alone changes of a white page.
    private static BoundingBox Box(Shape shape, int side)
    {
        var rgba = ShapeRasterizer.Draw([shape], White, side);
        int[] drawn = [.. Enumerable.Range(0, side * side).Where(i => rgba.AsSpan(4 * i, 3).ContainsAnyExcept((byte)255))];
        IEnumerable<int> columns = drawn.Select(i => i % side), rows = drawn.Select(i => i / side);
        return new(columns.Min(), rows.Min(), columns.Max() + 1, rows.Max() + 1);
    }
}
