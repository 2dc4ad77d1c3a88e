using System;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Models;

/// <summary>A box relative to its anchor (Girshick et al., arXiv 1311.2524, appendix C, with weights):
/// δ = (10·(c − a)/s, 5·ln(size/s)) per axis, with centres c and a and the anchor's size s.</summary>
public static class BoxCoder
{
    private const double Place = 10, Scale = 5;

    /// <summary>The largest ln(size/s) decoded: sixteen pixels become at most a thousand.</summary>
    public static readonly double MaxLogScale = Math.Log(1000.0 / 16);

    /// <summary>Deltas [N, 4] at anchors [N, 4] → boxes [N, 4].</summary>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor Decode(Tensor deltas, Tensor anchors)
    {
        Pairs("box_decode", deltas, anchors);
        var (centre, size) = CentreAndSize(anchors);
        var at = deltas.Slice(1, 0, 2) * (1 / Place) * size + centre;
        var half = F.Exp(F.Clamp(deltas.Slice(1, 2, 2) * (1 / Scale), high: MaxLogScale)) * size * 0.5;
        return F.Cat([at - half, at + half], 1);
    }

    /// <summary>Boxes [N, 4] at anchors [N, 4] → deltas [N, 4].</summary>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor Encode(Tensor boxes, Tensor anchors)
    {
        Pairs("box_encode", boxes, anchors);
        var (centre, size) = CentreAndSize(anchors);
        var (boxCentre, boxSize) = CentreAndSize(boxes);
        return F.Cat([(boxCentre - centre) / size * Place, F.Log(boxSize / size) * Scale], 1);
    }

    private static (Tensor Centre, Tensor Size) CentreAndSize(Tensor boxes)
    {
        Tensor low = boxes.Slice(1, 0, 2), high = boxes.Slice(1, 2, 2), size = high - low;
        return (low + size * 0.5, size);
    }

    private static void Pairs(string op, Tensor a, Tensor anchors)
    {
        Check.SameFloat(op, a, anchors);
        Check.That(anchors.Rank == 2 && anchors.Shape[1] == 4, $"{op}: anchors are {anchors.Shape}, expected [N, 4]");
        Check.That(a.Shape == anchors.Shape, $"{op}: {a.Shape} does not fit the anchors {anchors.Shape}");
    }
}
