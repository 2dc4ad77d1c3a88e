using System;
using System.Collections.Generic;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>A box in pixels by its corners.</summary>
/// <param name="X1">Left.</param> <param name="Y1">Top.</param> <param name="X2">Right.</param> <param name="Y2">Bottom.</param>
public readonly record struct BoundingBox(float X1, float Y1, float X2, float Y2)
{
    /// <summary>Right minus left.</summary>
    public float Width => X2 - X1;

    /// <summary>Bottom minus top.</summary>
    public float Height => Y2 - Y1;

    /// <summary>Width times height.</summary>
    public float Area => Width * Height;

    /// <summary>The middle.</summary>
    public (float X, float Y) Centre => ((X1 + X2) / 2, (Y1 + Y2) / 2);

    /// <summary>Intersection over union; 0 when the boxes do not meet.</summary>
    public float IoU(BoundingBox other)
    {
        float w = MathF.Min(X2, other.X2) - MathF.Max(X1, other.X1), h = MathF.Min(Y2, other.Y2) - MathF.Max(Y1, other.Y1);
        return w > 0 && h > 0 ? w * h / (Area + other.Area - w * h) : 0;
    }

    /// <summary>Distances of a point to the left, top, right and bottom side; negative outside.</summary>
    public (float Left, float Top, float Right, float Bottom) Sides((float X, float Y) point) =>
        (point.X - X1, point.Y - Y1, X2 - point.X, Y2 - point.Y);

    /// <summary>Boxes as a tensor [N, 4].</summary>
    public static Tensor ToTensor(IReadOnlyList<BoundingBox> boxes, DType dtype = DType.F32, Device? device = null)
    {
        var corners = new double[4 * boxes.Count];
        for (var i = 0; i < boxes.Count; i++)
        {
            (corners[4 * i], corners[4 * i + 1]) = (boxes[i].X1, boxes[i].Y1);
            (corners[4 * i + 2], corners[4 * i + 3]) = (boxes[i].X2, boxes[i].Y2);
        }

        return Tensor.FromDoubles(corners, [boxes.Count, 4], dtype, device);
    }

    /// <summary>A tensor [N, 4] as boxes.</summary>
    /// <exception cref="ShapeException">It has another shape.</exception>
    public static BoundingBox[] FromTensor(Tensor boxes)
    {
        Check.That(boxes.Rank == 2 && boxes.Shape[1] == 4, $"boxes: the tensor is {boxes.Shape}, expected [N, 4] corners");
        using var scope = TensorScope.Begin();
        var v = boxes.Detach().To(DType.F32).ToArray<float>();
        var result = new BoundingBox[v.Length / 4];
        for (var i = 0; i < result.Length; i++) { result[i] = new(v[4 * i], v[4 * i + 1], v[4 * i + 2], v[4 * i + 3]); }
        return result;
    }
}

/// <summary>One object of an image.</summary>
/// <param name="Box">Where it is.</param> <param name="Class">What it is, from 0.</param>
public readonly record struct GroundTruth(BoundingBox Box, int Class);

/// <summary>One object found.</summary>
/// <param name="Box">Where it is.</param> <param name="Score">How sure, in (0, 1).</param>
/// <param name="Class">What it is, from 0.</param>
public readonly record struct Detection(BoundingBox Box, float Score, int Class);
