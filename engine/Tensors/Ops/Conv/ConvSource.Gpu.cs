using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Operands of the tiled product (GemmTiled.Gpu.cs) that are never stored: the windows of a convolution as a matrix of positions by window
// elements. A place is found once per line of a tile, or by a few multiplications per element; what lies outside the map is 0 and is not
// read. One source serves three products: y and dW slide over x, dx slides over dy with the roles of input and output exchanged.

/// <summary>⌊n/d⌋ by multiplication: a division by a number that no compiler knows takes some twenty instructions.</summary>
internal readonly struct Quotient
{
    private const int Shift = 40;

    private readonly ulong _factor;

    public readonly int Divisor;

    public Quotient(int divisor)
    {
        Divisor = divisor;
        _factor = ((1UL << Shift) + (uint)divisor - 1) / (uint)divisor;
    }

    /// <summary>Whether all quotients of numbers below a limit are exact: the factor is less than 1 too large, which shows from 2^40/d
    /// on.</summary>
    public static bool IsExact(long limit, int divisor) => limit <= 1 << 24 && limit * divisor < 1L << Shift;

    public int Of(int n) => (int)(((ulong)(uint)n * _factor) >> Shift);
}

/// <summary>Along one axis, position p at tap t reads place q with q·Step = Scale·p + Origin + TapStep·t, if it is whole and
/// inside.</summary>
internal readonly struct SlideAxis
{
    public readonly int Scale, Origin, TapStep, Size;

    private readonly Quotient _step;

    private SlideAxis(int scale, int origin, int tapStep, int step, int size) =>
        (Scale, Origin, TapStep, _step, Size) = (scale, origin, tapStep, new Quotient(step), size);

    /// <summary>Outputs read inputs.</summary>
    public static SlideAxis Forward(ConvAxis axis) => new(axis.Stride, -axis.Padding, axis.Dilation, 1, axis.Size);

    /// <summary>Inputs read the outputs whose windows cover them.</summary>
    public static SlideAxis Backward(ConvAxis axis) => new(1, axis.Padding, -axis.Dilation, axis.Stride, axis.Out);

    /// <summary>The place at distance Scale·p + Origin + TapStep·t, or −1.</summary>
    public int Place(int distance)
    {
        if (_step.Divisor == 1) { return distance < Size ? distance : -1; }
        if (distance < 0) { return -1; }
        var place = _step.Of(distance);
        return place * _step.Divisor == distance && place < Size ? place : -1;
    }
}

/// <summary>Which element of a map each position and window element reads, and how lines and k are numbered.</summary>
internal struct SlideMap
{
    public SlideAxis D, H, W;

    /// <summary>Of positions: in one image, in one plane, in one row. Of window elements: in one channel or tap, in one tap plane, in one
    /// tap row.</summary>
    public Quotient Image, Plane, Row, Minor, TapPlane, TapRow;

    /// <summary>Steps of the map that is read.</summary>
    public int ImageStep, GroupStep, ChannelStep, PlaceStep;

    /// <summary>Window elements are numbered tap·channels + channel instead of channel·taps + tap.</summary>
    public int IsTapMajor;

    /// <summary>Positions of all images are one axis; else a batch is an image and a group.</summary>
    public int IsMerged;

    public int Groups, Positions, Elements;
}

/// <summary>A position: its image and group in memory, and where its window starts.</summary>
internal readonly struct SlidePosition
{
    public readonly int Start, D, H, W;

    public SlidePosition(in SlideMap map, int batch, int position)
    {
        var image = map.IsMerged != 0 ? map.Image.Of(position) : batch / map.Groups;
        var group = map.IsMerged != 0 ? 0 : batch - image * map.Groups;
        var inImage = map.IsMerged != 0 ? position - image * map.Image.Divisor : position;
        var plane = map.Plane.Of(inImage);
        var inPlane = inImage - plane * map.Plane.Divisor;
        var row = map.Row.Of(inPlane);
        Start = image * map.ImageStep + group * map.GroupStep;
        D = map.D.Scale * plane + map.D.Origin;
        H = map.H.Scale * row + map.H.Origin;
        W = map.W.Scale * (inPlane - row * map.Row.Divisor) + map.W.Origin;
    }
}

/// <summary>A window element: its channel in memory from a start on, and the distance of its tap.</summary>
internal readonly struct SlideElement
{
    public readonly int Channel, D, H, W;

    public SlideElement(in SlideMap map, int element, int start)
    {
        var major = map.Minor.Of(element);
        var minor = element - major * map.Minor.Divisor;
        var tap = map.IsTapMajor != 0 ? major : minor;
        var plane = map.TapPlane.Of(tap);
        var inPlane = tap - plane * map.TapPlane.Divisor;
        var row = map.TapRow.Of(inPlane);
        Channel = start + (map.IsTapMajor != 0 ? minor : major) * map.ChannelStep;
        D = plane * map.D.TapStep;
        H = row * map.H.TapStep;
        W = (inPlane - row * map.TapRow.Divisor) * map.W.TapStep;
    }

    /// <summary>What a position reads.</summary>
    public R Read<R>(in SlideMap map, ArrayView<R> view, in SlidePosition from) where R : unmanaged, IReal<R>
    {
        int d = map.D.Place(from.D + D), h = map.H.Place(from.H + H), w = map.W.Place(from.W + W);
        if (d < 0 || h < 0 || w < 0) { return R.Of(0); }
        return view[from.Start + Channel + ((d * map.H.Size + h) * map.W.Size + w) * map.PlaceStep];
    }
}

/// <summary>Lines are positions, k are window elements. With HasOne, one more k is 1: the factor of a bias.</summary>
internal struct PositionSource<R> : ITileSource<PositionSource<R>, R> where R : unmanaged, IReal<R>
{
    public ArrayView<R> View;
    public SlideMap Map;
    public int HasOne;

    private SlidePosition _position;

    public readonly PositionSource<R> At(int batch, int line)
    {
        var placed = this;
        placed._position = new SlidePosition(Map, batch, line < Map.Positions ? line : Map.Positions - 1);
        return placed;
    }

    public readonly R Load(int k)
    {
        if (k >= Map.Elements) { return k == Map.Elements && HasOne != 0 ? R.Of(1) : R.Of(0); }
        return new SlideElement(Map, k, 0).Read(Map, View, _position);
    }
}

/// <summary>Lines are window elements, k are the positions of all images.</summary>
internal struct ElementSource<R> : ITileSource<ElementSource<R>, R> where R : unmanaged, IReal<R>
{
    public ArrayView<R> View;
    public SlideMap Map;

    private SlideElement _element;

    public readonly ElementSource<R> At(int batch, int line)
    {
        var placed = this;
        placed._element = new SlideElement(Map, line < Map.Elements ? line : Map.Elements - 1, batch * Map.GroupStep);
        return placed;
    }

    public readonly R Load(int k)
    {
        if (k >= Map.Positions) { return R.Of(0); }
        return _element.Read(Map, View, new SlidePosition(Map, 0, k));
    }
}

/// <summary>Weights: lines are outputs or channels, k are window elements, in memory major·MajorStep + minor·MinorStep. With HasBias,
/// one more k is the line's bias.</summary>
internal struct WeightSource<R> : ITileSource<WeightSource<R>, R> where R : unmanaged, IReal<R>
{
    public ArrayView<R> View, Bias;
    public Quotient Minor;
    public int MajorStep, MinorStep, LineStep, GroupStep, Groups, Lines, Elements, HasBias;

    private int _start, _bias;

    public readonly WeightSource<R> At(int batch, int line)
    {
        var placed = this;
        var group = batch - batch / Groups * Groups;
        var inside = line < Lines ? line : Lines - 1;
        placed._start = group * GroupStep + inside * LineStep;
        placed._bias = group * Lines + inside;
        return placed;
    }

    public readonly R Load(int k)
    {
        if (k >= Elements) { return k == Elements && HasBias != 0 ? Bias[_bias] : R.Of(0); }
        var major = Minor.Of(k);
        return View[_start + major * MajorStep + (k - major * Minor.Divisor) * MinorStep];
    }
}

/// <summary>Values of a map: lines are its channels, k the positions of all images.</summary>
internal struct ChannelSource<R> : ITileSource<ChannelSource<R>, R> where R : unmanaged, IReal<R>
{
    public ArrayView<R> View;
    public Quotient Image;
    public int ImageStep, GroupStep, ChannelStep, PlaceStep, Lines, Positions;

    private int _start;

    public readonly ChannelSource<R> At(int batch, int line)
    {
        var placed = this;
        placed._start = batch * GroupStep + (line < Lines ? line : Lines - 1) * ChannelStep;
        return placed;
    }

    public readonly R Load(int k)
    {
        if (k >= Positions) { return R.Of(0); }
        var image = Image.Of(k);
        return View[_start + image * ImageStep + (k - image * Image.Divisor) * PlaceStep];
    }
}
