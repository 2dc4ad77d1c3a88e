using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Which thread brings which elements, so that a warp's loads fill whole sectors of 32 bytes and its stores to shared memory hit
// 32 banks. Along k: 8 neighbouring threads (KLanes) read 8 neighbouring k of one line, a warp 4 lines. Rows of the buffer are
// Lines + 4 long, so the store of (line, k) goes to bank 4k + line: all 32 differ. Along lines: a warp reads and stores 32
// neighbouring lines of one k.

/// <summary>Any source, 4 loads of one element.</summary>
internal struct ScalarStage<TSource, R> : ITileStage<ScalarStage<TSource, R>, R>
    where TSource : struct, ITileSource<TSource, R> where R : unmanaged, IReal<R>
{
    /// <summary>The operand.</summary>
    public TSource Source;

    /// <summary>1 where neighbouring k are neighbours in memory, 0 where neighbouring lines are.</summary>
    public int AlongInner;

    private TSource _source1, _source2, _source3;
    private int _k0, _k1, _k2, _k3, _to0, _to1, _to2, _to3;

    public readonly ScalarStage<TSource, R> At<TTile>(int batch, int firstLine) where TTile : struct, ITile<TTile, R>
    {
        int e0 = Group.IdxX, e1 = e0 + TTile.Threads, e2 = e1 + TTile.Threads, e3 = e2 + TTile.Threads;
        int l0 = Line<TTile>(e0), l1 = Line<TTile>(e1), l2 = Line<TTile>(e2), l3 = Line<TTile>(e3);
        var placed = this;
        placed.Source = Source.At(batch, firstLine + l0);
        placed._source1 = Source.At(batch, firstLine + l1);
        placed._source2 = Source.At(batch, firstLine + l2);
        placed._source3 = Source.At(batch, firstLine + l3);
        placed._k0 = Inner<TTile>(e0);
        placed._k1 = Inner<TTile>(e1);
        placed._k2 = Inner<TTile>(e2);
        placed._k3 = Inner<TTile>(e3);
        placed._to0 = placed._k0 * (TTile.Lines + 4) + l0;
        placed._to1 = placed._k1 * (TTile.Lines + 4) + l1;
        placed._to2 = placed._k2 * (TTile.Lines + 4) + l2;
        placed._to3 = placed._k3 * (TTile.Lines + 4) + l3;
        return placed;
    }

    public readonly Pack4<R> Fetch(int k) => new()
    {
        V0 = Source.Load(k + _k0),
        V1 = _source1.Load(k + _k1),
        V2 = _source2.Load(k + _k2),
        V3 = _source3.Load(k + _k3),
    };

    public readonly void Store(ArrayView<Pack4<R>> shared, int buffer, Pack4<R> values)
    {
        var elements = shared.Cast<R>();
        elements[buffer + _to0] = values.V0;
        elements[buffer + _to1] = values.V1;
        elements[buffer + _to2] = values.V2;
        elements[buffer + _to3] = values.V3;
    }

    private readonly int Line<TTile>(int e) where TTile : struct, ITile<TTile, R> =>
        (AlongInner != 0 ? e / TTile.KLanes : e) & (TTile.Lines - 1);

    private readonly int Inner<TTile>(int e) where TTile : struct, ITile<TTile, R> =>
        AlongInner != 0 ? (e & (TTile.KLanes - 1)) + e / (TTile.KLanes * TTile.Lines) * TTile.KLanes : e / TTile.Lines;
}

/// <summary>A matrix whose every group of 4 elements, along k or along lines, is 16 aligned bytes of f32: one vector load.
/// Along k a warp reads
/// 16 lines of 8 k each, and the 4 stores of a thread go to banks 16i + 4j + line (i = half of the 8 k, line &lt; 16): all 32
/// differ.</summary>
internal struct VectorStage<R> : ITileStage<VectorStage<R>, R> where R : unmanaged, IReal<R>
{
    public ArrayView<Pack4<R>> View;

    /// <summary>In packs: what the next line (along k) or group of 4 lines adds, and the next group of 4 k or k.</summary>
    public int LineStride, InnerStride, BatchStride;

    /// <summary>The last line (along k) or group of 4 lines; the last k.</summary>
    public int LastLine, LastInner;

    /// <summary>1 along k, 0 along lines.</summary>
    public int AlongInner;

    private int _start, _k, _to, _pitch;

    public readonly VectorStage<R> At<TTile>(int batch, int firstLine) where TTile : struct, ITile<TTile, R>
    {
        const int pack = 4;
        int p = Group.IdxX, lanes = TTile.KLanes / pack, across = TTile.Lines / pack;
        var line = AlongInner != 0 ? p / lanes & (TTile.Lines - 1) : p & (across - 1);
        var from = (AlongInner != 0 ? firstLine : firstLine / pack) + line;
        var placed = this;
        placed._start = batch * BatchStride + (from < LastLine ? from : LastLine) * LineStride;
        placed._k = AlongInner != 0 ? ((p & (lanes - 1)) + p / (lanes * TTile.Lines) * lanes) * pack : p / across;
        placed._to = AlongInner != 0 ? placed._k * (TTile.Lines + pack) + line : placed._k * (across + 1) + line;
        placed._pitch = TTile.Lines + pack;
        return placed;
    }

    public readonly Pack4<R> Fetch(int k) => Load(_start, k + _k);

    /// <summary>Elements k to k + 3 of a line; only along k.</summary>
    public readonly Pack4<R> Load(int batch, int line, int k) =>
        Load(batch * BatchStride + (line < LastLine ? line : LastLine) * LineStride, k);

    private readonly Pack4<R> Load(int start, int k)
    {
        var inside = k <= LastInner;
        var from = inside ? k : LastInner;
        var value = View[start + (AlongInner != 0 ? from >> 2 : from) * InnerStride];
        var zero = R.Of(0);
        return new Pack4<R>
        {
            V0 = inside ? value.V0 : zero,
            V1 = inside ? value.V1 : zero,
            V2 = inside ? value.V2 : zero,
            V3 = inside ? value.V3 : zero,
        };
    }

    public readonly void Store(ArrayView<Pack4<R>> shared, int buffer, Pack4<R> values)
    {
        if (AlongInner == 0)
        {
            shared[buffer / 4 + _to] = values;
            return;
        }

        var elements = shared.Cast<R>();
        elements[buffer + _to] = values.V0;
        elements[buffer + _to + _pitch] = values.V1;
        elements[buffer + _to + 2 * _pitch] = values.V2;
        elements[buffer + _to + 3 * _pitch] = values.V3;
    }
}
