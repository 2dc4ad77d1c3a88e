using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>A box by its corners.</summary>
internal readonly struct Box<R>(R x1, R y1, R x2, R y2) where R : struct, IReal<R>
{
    public readonly R X1 = x1, Y1 = y1, X2 = x2, Y2 = y2;

    public R Width => X2 - X1;

    public R Height => Y2 - Y1;

    public R Area => Width * Height;
}

/// <summary>Overlap of two boxes and its derivatives. GIoU: Rezatofighi et al., arXiv 1902.09630, algorithm 2.</summary>
internal static class BoxFormula
{
    /// <summary>Area of the intersection; 0 when the boxes do not meet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Intersection<R>(Box<R> a, Box<R> b) where R : struct, IReal<R> =>
        Positive(Overlap(a.X1, a.X2, b.X1, b.X2)) * Positive(Overlap(a.Y1, a.Y2, b.Y1, b.Y2));

    /// <summary>Intersection over union; 0 for two boxes without area.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R IoU<R>(Box<R> a, Box<R> b) where R : struct, IReal<R>
    {
        var meet = Intersection(a, b);
        return R.IfGreater(meet, R.Of(0), meet / (a.Area + b.Area - meet), R.Of(0));
    }

    /// <summary>I/U − (C − U)/C = I/U + U/C − 1 with the union U and the enclosing box C, both plus ε.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static R Giou<R>(Box<R> a, Box<R> b, R eps) where R : struct, IReal<R>
    {
        var meet = Intersection(a, b);
        R union = a.Area + b.Area - meet + eps, hull = Hull(a.X1, a.X2, b.X1, b.X2) * Hull(a.Y1, a.Y2, b.Y1, b.Y2) + eps;
        return meet / union - (hull - union) / hull;
    }

    /// <summary>Derivatives of GIoU by the corners of a, as a box: dI·(1/U + I/U² − 1/C) + dA·(1/C − I/U²) − dC·U/C². Equal
    /// coordinates share the derivative of a maximum, as torch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Box<R> GiouSlope<R>(Box<R> a, Box<R> b, R eps) where R : struct, IReal<R>
    {
        R iw = Overlap(a.X1, a.X2, b.X1, b.X2), ih = Overlap(a.Y1, a.Y2, b.Y1, b.Y2), meet = Positive(iw) * Positive(ih);
        R cw = Hull(a.X1, a.X2, b.X1, b.X2), ch = Hull(a.Y1, a.Y2, b.Y1, b.Y2);
        R union = a.Area + b.Area - meet + eps, hull = cw * ch + eps;
        R low = R.Of(1) / hull - meet / (union * union);
        R perMeet = R.IfGreater(meet, R.Of(0), R.Of(1) / union - low, R.Of(0)), perHull = union / (hull * hull);
        R w = a.Width, h = a.Height;
        return new(
            perHull * ch * Step(b.X1, a.X1) - perMeet * ih * Step(a.X1, b.X1) - low * h,
            perHull * cw * Step(b.Y1, a.Y1) - perMeet * iw * Step(a.Y1, b.Y1) - low * w,
            perMeet * ih * Step(b.X2, a.X2) + low * h - perHull * ch * Step(a.X2, b.X2),
            perMeet * iw * Step(b.Y2, a.Y2) + low * w - perHull * cw * Step(a.Y2, b.Y2));
    }

    private static R Overlap<R>(R a1, R a2, R b1, R b2) where R : struct, IReal<R> => R.Min(a2, b2) - R.Max(a1, b1);

    private static R Hull<R>(R a1, R a2, R b1, R b2) where R : struct, IReal<R> => R.Max(a2, b2) - R.Min(a1, b1);

    private static R Positive<R>(R x) where R : struct, IReal<R> => R.Max(R.Of(0), x);

    // 1 where a > b, ½ where they are equal, else 0.
    private static R Step<R>(R a, R b) where R : struct, IReal<R> =>
        R.IfEqual(a, b, R.Of(0.5), R.IfGreater(a, b, R.Of(1), R.Of(0)));
}
