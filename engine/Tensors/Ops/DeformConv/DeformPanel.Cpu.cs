using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>Where a tap of one position samples: (row, column) = base corner + (Y, X), times mask M.</summary>
internal struct DeformTap<T> where T : unmanaged
{
    /// <summary>Index of the base corner, row·W + column; of use only where a corner is inside.</summary>
    public int Pixel;

    /// <summary>Bits of the corners inside the image: 1 for 00, 2 for 01, 4 for 10, 8 for 11.</summary>
    public int Inside;

    public T Y, X, M;
}

/// <summary>A run of output positions of one image: their taps, and their rows [Count, (group, tap, C/groups)], which hold the
/// samples or, going back, Γ.</summary>
internal readonly unsafe partial struct DeformPanel<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Grain = 1 << 14; // elements of rows per task
    private const int ScatterChannels = 64; // of dx per task, at most

    private readonly DeformGeometry _g;
    private readonly T* _x, _zeros;
    private readonly DeformTap<T>* _taps;
    private readonly int _run;

    public DeformPanel(DeformGeometry g, int image, int first, int count, T* x, T* zeros, DeformTap<T>* taps, T* rows)
    {
        (_g, Image, First, Count) = (g, image, first, count);
        _x = x + (long)image * g.Inputs * g.Channels;
        _zeros = zeros;
        _taps = taps;
        _run = g.RunLength;
        Rows = rows;
    }

    public int Image { get; }

    public int First { get; }

    public int Count { get; }

    public T* Rows { get; }

    /// <summary>Computes every tap's place; all other passes read it.</summary>
    public void Locate(T* offset, T* mask)
    {
        var self = this;
        CpuThreads.ForRange(Count, Math.Max(1, Grain / (16 * _g.Fields)), (from, to) =>
        {
            for (var i = from; i < to; i++) { self.LocatePosition((int)i, offset, mask); }
        });
    }

    /// <summary>Rows ← m·S.</summary>
    public void Fill() => Simd.Run<T, FillKernel>(new FillKernel(this));

    /// <summary>dΔ and dm (each may be null) from Γ.</summary>
    public void Slopes(T* dOffset, T* dMask)
    {
        if (dOffset is null && dMask is null) { return; }
        Simd.Run<T, SlopeKernel>(new SlopeKernel(this, dOffset, dMask));
    }

    /// <summary>dx, channels last, += Γ·m·(corner's weight).</summary>
    public void Scatter(T* dx) => Simd.Run<T, ScatterKernel>(new ScatterKernel(this, dx));

    private void LocatePosition(int i, T* offset, T* mask)
    {
        var position = First + i;
        var (oh, ow) = Math.DivRem(position, _g.W.Out);
        for (var tap = 0; tap < _g.Taps; tap++)
        {
            var (kh, kw) = Math.DivRem(tap, _g.W.Kernel);
            int row = _g.H.At(oh, kh), column = _g.W.At(ow, kw);
            for (var group = 0; group < _g.OffsetGroups; group++)
            {
                var field = Field(tap, group);
                var delta = offset + 2 * field + position;
                var m = mask is null ? T.One : mask[field + position];
                *Tap(i, tap, group) = Place(row, column, delta[0], delta[_g.Positions], m);
            }
        }
    }

    // The offsets are cut into cell and fraction before the position is added, so that no bit of the fraction is lost.
    private DeformTap<T> Place(int row, int column, T dy, T dx, T m)
    {
        var tap = new DeformTap<T> { M = m };
        if (!T.IsFinite(dy + dx)) { tap.Y = T.NaN; }
        T far = T.CreateTruncating(1 << 30), floorY = T.Floor(T.Clamp(dy, -far, far)), floorX = T.Floor(T.Clamp(dx, -far, far));
        (row, column) = (row + int.CreateTruncating(floorY), column + int.CreateTruncating(floorX));
        T y = dy - floorY, x = dx - floorX;
        var isAtEdge = (row == -1 && y == T.Zero) || (column == -1 && x == T.Zero);
        if (row < -1 || column < -1 || row >= _g.H.Size || column >= _g.W.Size || isAtEdge || !T.IsFinite(y + x)) { return tap; }
        (tap.Y, tap.X, tap.Pixel) = (y, x, row * _g.W.Size + column);
        int top = row >= 0 ? 3 : 0, bottom = row + 1 < _g.H.Size ? 12 : 0;
        int left = column >= 0 ? 5 : 0, right = column + 1 < _g.W.Size ? 10 : 0;
        tap.Inside = (top | bottom) & (left | right);
        return tap;
    }

    // Start of this tap's map in the mask; its two maps in the offsets start at twice that.
    private long Field(int tap, int group) => (((long)Image * _g.OffsetGroups + group) * _g.Taps + tap) * _g.Positions;

    private DeformTap<T>* Tap(int position, int tap, int group) =>
        _taps + ((long)position * _g.Taps + tap) * _g.OffsetGroups + group;
}
