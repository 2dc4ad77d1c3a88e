using System.Numerics;
using System.Runtime.CompilerServices;

namespace FlorenceKernels.Tensors;

/// <summary>Takes a product tile from L1 to C: α, β or the sum of earlier K blocks, then the epilogue after the last
/// block.</summary>
internal static unsafe class GemmFinish<TL, TV, T>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Finishes rows × columns of C at (m, n). Tile rows hold whole vectors; what they hold past columns is not
    /// used.</summary>
    public static void Tile(
        in GemmArgs<T> g, T* tile, nint tileRow, int m, int rows, int n, int columns, bool isFirst, bool isLast)
    {
        if (!isLast || g.Epilogue.IsEmpty)
        {
            Blend(g, tile, tileRow, m, rows, n, columns, isFirst);
            return;
        }
        switch (g.Epilogue.Activation)
        {
            case GemmActivation.GeluErf: Rows<GeluErf<TL, TV, T>>(g, tile, tileRow, m, rows, n, columns, isFirst); break;
            case GemmActivation.GeluTanh: Rows<GeluTanh<TL, TV, T>>(g, tile, tileRow, m, rows, n, columns, isFirst); break;
            case GemmActivation.QuickGelu: Rows<QuickGelu<TL, TV, T>>(g, tile, tileRow, m, rows, n, columns, isFirst); break;
            default: Rows<Identity<TL, TV, T>>(g, tile, tileRow, m, rows, n, columns, isFirst); break;
        }
    }

    private static void Blend(in GemmArgs<T> g, T* tile, nint tileRow, int m, int rows, int n, int columns, bool isFirst)
    {
        var scale = TL.Set(g.Alpha);
        var old = TL.Set(isFirst ? g.Beta : T.One);
        var readsC = !isFirst || g.Beta != T.Zero;
        for (var r = 0; r < rows; r++)
        {
            var c = g.C + (m + r) * g.CRow + n;
            for (var j = 0; j < columns; j += TL.Count)
            {
                var count = columns - j;
                var z = TL.Mul(scale, TL.Load(tile + r * tileRow + j));
                z = readsC ? TL.MulAdd(old, Load(c + j, count), z) : z;
                Store(c + j, z, count);
            }
        }
    }

    private static void Rows<TAct>(in GemmArgs<T> g, T* tile, nint tileRow, int m, int rows, int n, int columns, bool isFirst)
        where TAct : struct, IActivation<TV>
    {
        if (columns == 2 * TL.Count)
        {
            WholeRows<TAct>(g, tile, tileRow, m, rows, n, isFirst);
            return;
        }
        var scale = TL.Set(g.Alpha);
        var old = TL.Set(isFirst ? g.Beta : T.One);
        var readsC = !isFirst || g.Beta != T.Zero;
        var e = g.Epilogue;
        for (var r = 0; r < rows; r++)
        {
            var offset = (m + r) * g.CRow + n;
            for (var j = 0; j < columns; j += TL.Count, offset += TL.Count)
            {
                var count = columns - j;
                var z = TL.MulAdd(scale, TL.Load(tile + r * tileRow + j), e.Bias is null ? TL.Zero : Load(e.Bias + n + j, count));
                z = readsC ? TL.MulAdd(old, Load(g.C + offset, count), z) : z;
                if (e.PreActivation is not null)
                {
                    Store(e.PreActivation + offset, z, count);
                }
                z = TAct.Value(z);
                z = e.Residual is null ? z : TL.Add(z, Load(e.Residual + offset, count));
                Store(g.C + offset, z, count);
            }
        }
    }

    // The same, to the same bits, on a tile of two whole vectors, the bias in registers: without it a short K (96) spends a
    // fifth of its time here.
    private static void WholeRows<TAct>(in GemmArgs<T> g, T* tile, nint tileRow, int m, int rows, int n, bool isFirst)
        where TAct : struct, IActivation<TV>
    {
        var scale = TL.Set(g.Alpha);
        var old = TL.Set(isFirst ? g.Beta : T.One);
        var readsC = !isFirst || g.Beta != T.Zero;
        var start = m * g.CRow + n;
        T* c = g.C + start, bias = g.Epilogue.Bias, pre = g.Epilogue.PreActivation, residual = g.Epilogue.Residual;
        var streams = g.StreamsC && n % TL.Count == 0;
        var streamsPre = streams && (long)pre % 64 == 0;
        pre = pre is null ? null : pre + start;
        residual = residual is null ? null : residual + start;
        TV left = bias is null ? TL.Zero : TL.Load(bias + n), right = bias is null ? TL.Zero : TL.Load(bias + n + TL.Count);
        for (nint r = 0, at = 0; r < rows; r++, at += (nint)g.CRow, tile += tileRow)
        {
            TV x = TL.MulAdd(scale, TL.Load(tile), left), y = TL.MulAdd(scale, TL.Load(tile + TL.Count), right);
            if (readsC)
            {
                x = TL.MulAdd(old, TL.Load(c + at), x);
                y = TL.MulAdd(old, TL.Load(c + at + TL.Count), y);
            }
            if (pre is not null)
            {
                PutPair(pre + at, x, y, streamsPre);
            }
            (x, y) = (TAct.Value(x), TAct.Value(y));
            if (residual is not null)
            {
                x = TL.Add(x, TL.Load(residual + at));
                y = TL.Add(y, TL.Load(residual + at + TL.Count));
            }
            PutPair(c + at, x, y, streams);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutPair(T* target, TV left, TV right, bool streams)
    {
        if (streams)
        {
            TL.Stream(target, left);
            TL.Stream(target + TL.Count, right);
        }
        else
        {
            TL.Store(target, left);
            TL.Store(target + TL.Count, right);
        }
    }

    /// <summary>The next vector, or its first <paramref name="count"/> lanes where fewer remain (others zero).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TV Load(T* source, long count) => count >= TL.Count ? TL.Load(source) : LoadSome(source, count);

    /// <summary>Stores a vector, or its first <paramref name="count"/> lanes where fewer remain.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(T* target, TV value, long count)
    {
        if (count >= TL.Count)
        {
            TL.Store(target, value);
        }
        else
        {
            StoreSome(target, value, count);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static TV LoadSome(T* source, long count)
    {
        var value = TL.Zero;
        for (var i = 0; i < count; i++)
        {
            ((T*)&value)[i] = source[i];
        }
        return value;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreSome(T* target, TV value, long count)
    {
        for (var i = 0; i < count; i++)
        {
            target[i] = ((T*)&value)[i];
        }
    }
}
