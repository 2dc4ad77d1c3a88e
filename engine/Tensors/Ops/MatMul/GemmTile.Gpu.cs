using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

/// <summary>A thread's elements of C in named registers, and the shape of the group's tile. ILGPU 1.5.3 keeps no indexed array
/// in registers.</summary>
internal interface ITile<TSelf, R> where TSelf : struct, ITile<TSelf, R> where R : unmanaged, IReal<R>
{
    /// <summary>Rows and columns of the group's tile.</summary>
    static abstract int Lines { get; }

    /// <summary>k per step.</summary>
    static abstract int Inner { get; }

    /// <summary>Neighbouring threads that stage neighbouring k.</summary>
    static abstract int KLanes { get; }

    /// <summary>Threads of the group; each stages 4 elements of either operand per step.</summary>
    static abstract int Threads { get; }

    /// <summary>All zero.</summary>
    static abstract TSelf Zero { get; }

    /// <summary>Adds the product of one k; <paramref name="at"/> is the row of the buffers in packs.</summary>
    TSelf Add(ArrayView<Pack4<R>> left, ArrayView<Pack4<R>> right, int at);

    /// <summary>Rows of the tile that are written at a time, through shared memory.</summary>
    static abstract int RowsPerPass { get; }

    /// <summary>Writes the elements of the tile that starts at row m, column n.</summary>
    void Store(GemmOutput<R> output, ArrayView<Pack4<R>> shared, int start, int m, int n);
}

/// <summary>4×4 elements.</summary>
internal struct Quad<R> where R : unmanaged, IReal<R>
{
    public Pack4<R> Row0, Row1, Row2, Row3;

    public static Quad<R> Zero => new() { Row0 = Pack4<R>.Zero, Row1 = Pack4<R>.Zero, Row2 = Pack4<R>.Zero, Row3 = Pack4<R>.Zero };

    public readonly Quad<R> Add(Pack4<R> x, Pack4<R> y) => new()
    {
        Row0 = Pack4<R>.MultiplyAdd(x.V0, y, Row0),
        Row1 = Pack4<R>.MultiplyAdd(x.V1, y, Row1),
        Row2 = Pack4<R>.MultiplyAdd(x.V2, y, Row2),
        Row3 = Pack4<R>.MultiplyAdd(x.V3, y, Row3),
    };
}

/// <summary>64×64 by 256 threads of 4×4, 16 k a step: shared memory in f64 35 KB.</summary>
internal struct Tile64<R> : ITile<Tile64<R>, R> where R : unmanaged, IReal<R>
{
    private Quad<R> _c;

    public static int Lines => 64;

    public static int Inner => 16;

    public static int KLanes => 8;

    public static int Threads => 256;

    public static int RowsPerPass => 16;

    public static Tile64<R> Zero => new() { _c = Quad<R>.Zero };

    public readonly Tile64<R> Add(ArrayView<Pack4<R>> left, ArrayView<Pack4<R>> right, int at) =>
        new() { _c = _c.Add(left[at + (Group.IdxX >> 4)], right[at + (Group.IdxX & 15)]) };

    public readonly void Store(GemmOutput<R> output, ArrayView<Pack4<R>> shared, int start, int m, int n)
    {
        shared[Group.IdxX] = _c.Row0;
        output.StoreRows<Tile64<R>>(shared, start, m, n);
        shared[Group.IdxX] = _c.Row1;
        output.StoreRows<Tile64<R>>(shared, start, m + 1, n);
        shared[Group.IdxX] = _c.Row2;
        output.StoreRows<Tile64<R>>(shared, start, m + 2, n);
        shared[Group.IdxX] = _c.Row3;
        output.StoreRows<Tile64<R>>(shared, start, m + 3, n);
    }
}

/// <summary>16×16 by 16 threads of 4×4: the simulator's group.</summary>
internal struct Tile16<R> : ITile<Tile16<R>, R> where R : unmanaged, IReal<R>
{
    private Quad<R> _c;

    public static int Lines => 16;

    public static int Inner => 4;

    public static int KLanes => 4;

    public static int Threads => 16;

    public static int RowsPerPass => 4;

    public static Tile16<R> Zero => new() { _c = Quad<R>.Zero };

    public readonly Tile16<R> Add(ArrayView<Pack4<R>> left, ArrayView<Pack4<R>> right, int at) =>
        new() { _c = _c.Add(left[at + (Group.IdxX >> 2)], right[at + (Group.IdxX & 3)]) };

    public readonly void Store(GemmOutput<R> output, ArrayView<Pack4<R>> shared, int start, int m, int n)
    {
        shared[Group.IdxX] = _c.Row0;
        output.StoreRows<Tile16<R>>(shared, start, m, n);
        shared[Group.IdxX] = _c.Row1;
        output.StoreRows<Tile16<R>>(shared, start, m + 1, n);
        shared[Group.IdxX] = _c.Row2;
        output.StoreRows<Tile16<R>>(shared, start, m + 2, n);
        shared[Group.IdxX] = _c.Row3;
        output.StoreRows<Tile16<R>>(shared, start, m + 3, n);
    }
}

/// <summary>128×128 by 256 threads of 8×8, 8 k a step. A thread's elements are four 4×4 that lie 64 apart, so that 16 threads
/// read 16
/// neighbouring packs: no bank conflicts.</summary>
internal struct Tile128<R> : ITile<Tile128<R>, R> where R : unmanaged, IReal<R>
{
    private Quad<R> _c00, _c01, _c10, _c11;

    public static int Lines => 128;

    public static int Inner => 8;

    public static int KLanes => 8;

    public static int Threads => 256;

    public static int RowsPerPass => 16;

    public static Tile128<R> Zero => new() { _c00 = Quad<R>.Zero, _c01 = Quad<R>.Zero, _c10 = Quad<R>.Zero, _c11 = Quad<R>.Zero };

    public readonly Tile128<R> Add(ArrayView<Pack4<R>> left, ArrayView<Pack4<R>> right, int at)
    {
        int l = at + (Group.IdxX >> 4), r = at + (Group.IdxX & 15);
        Pack4<R> x0 = left[l], x1 = left[l + 16], y0 = right[r], y1 = right[r + 16];
        return new() { _c00 = _c00.Add(x0, y0), _c01 = _c01.Add(x0, y1), _c10 = _c10.Add(x1, y0), _c11 = _c11.Add(x1, y1) };
    }

    public readonly void Store(GemmOutput<R> output, ArrayView<Pack4<R>> shared, int start, int m, int n)
    {
        Store(output, shared, start, m, n, _c00, _c01);
        Store(output, shared, start, m + 64, n, _c10, _c11);
    }

    private static void Store(GemmOutput<R> output, ArrayView<Pack4<R>> shared, int start, int m, int n, Quad<R> left,
        Quad<R> right)
    {
        StorePair(output, shared, start, m, n, left.Row0, right.Row0);
        StorePair(output, shared, start, m + 1, n, left.Row1, right.Row1);
        StorePair(output, shared, start, m + 2, n, left.Row2, right.Row2);
        StorePair(output, shared, start, m + 3, n, left.Row3, right.Row3);
    }

    private static void StorePair(GemmOutput<R> output, ArrayView<Pack4<R>> shared, int start, int m, int n, Pack4<R> left,
        Pack4<R> right)
    {
        var at = (Group.IdxX >> 4) * 32 + (Group.IdxX & 15);
        shared[at] = left;
        shared[at + 16] = right;
        output.StoreRows<Tile128<R>>(shared, start, m, n);
    }
}
