using System;

namespace FlorenceKernels.Tensors;

/// <summary>How a map of positions is cut into tiles, and the region of the image that a tile's taps reach.</summary>
internal readonly struct DeformTiles
{
    private const int MaxWidth = 64, MaxPositions = 256;

    /// <summary>Offsets of up to this many pixels find their corners in the region.</summary>
    public const int Halo = 2;

    private readonly DeformGeometry _g;

    /// <param name="g">Sizes.</param> <param name="maxRegion">Pixels that fit into shared memory.</param>
    public DeformTiles(DeformGeometry g, int maxRegion)
    {
        _g = g;
        Width = Even(g.W.Out, MaxWidth);
        while (Width > 1 && 2 * Reach(g.W, Width) > maxRegion) { Width = Even(g.W.Out, Width - 1); }
        Height = Even(g.H.Out, Math.Max(1, MaxPositions / Width));
        RegionWidth = Math.Min(Reach(g.W, Width), maxRegion);
        while (Height > 1 && Reach(g.H, Height) * RegionWidth > maxRegion) { Height = Even(g.H.Out, Height - 1); }
        RegionHeight = Math.Min(Reach(g.H, Height), maxRegion / RegionWidth);
    }

    public int Width { get; }

    public int Height { get; }

    public int RegionWidth { get; }

    public int RegionHeight { get; }

    public int Across => Ceiling(_g.W.Out, Width);

    public int Count => Across * Ceiling(_g.H.Out, Height);

    private static int Ceiling(int a, int b) => (a + b - 1) / b;

    // The least size that needs no more tiles than the largest allowed.
    private static int Even(int size, int largest) => Ceiling(size, Ceiling(size, largest));

    // Pixels along an axis: first to last tap of the tile, the halo on both sides and the right-hand corner.
    private static int Reach(ConvAxis axis, int outputs) =>
        checked((outputs - 1) * axis.Stride + (axis.Kernel - 1) * axis.Dilation + 2 + 2 * Halo);
}
