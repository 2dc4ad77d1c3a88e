using System.Runtime.CompilerServices;

namespace FlorenceKernels.Tensors;

/// <summary>How a tile leaves its registers.</summary>
internal enum TileWrite
{
    Store,
    Add,
    Stream, // past the caches; two-vector tiles whose rows are aligned
}

/// <summary>
/// The micro-kernel: C[rows, 2·lanes] = A[rows, k] · B[k, 2·lanes] with every accumulator a named register.
/// Floor: two 256-bit (one 512-bit) multiply-adds a cycle, 118 GFLOP/s per core at the 3.69 GHz measured on Zen 4.
/// Ladder, float, one core of that machine while its neighbour was busy, GFLOP/s:
///   rows of A broadcast from where they lie or from a plain copy, B in panels (this)    matmul 512: 107, 1568x384→1536: 106–111
///   A transposed into [k][12] panels                                                    matmul 512: 100, 1568x384→1536: 110
///   B prefetched into L1 twelve k ahead                                                 matmul 512: 103, 1568x384→1536: 99
///   K blocks of 192 / 256 / 384 floats, B blocks of 256 / 512 KiB                       all within 3 %: 384 and 512 KiB kept
///   transposed A (dW, K = 25088, 384x96): packed tile by tile 75, in runs of rows 77, over whole rows (this) 97
///   short K with a bias (1536x96→384): tile by tile with checks 93, two vectors at once with the bias in registers (this) 108
///   ragged last panel (512 x 49x32x49): through a tile 46, overlapping the one before (this) 136 on two cores
/// A is read by broadcast from wherever it lies (element (r, k) at a + r·aRow + k·aStep), B from rows of bStep elements.
/// </summary>
internal static unsafe class GemmTile<TL, TV, T>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged
{
    /// <summary>Runs a tile of up to TileRows rows, one or two vectors wide.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(
        int rows, bool isWide, nint k, T* a, nint aRow, nint aStep, T* b, nint bStep, T* c, nint cRow, TileWrite write)
    {
        if (isWide)
        {
            Wide(rows, k, a, aRow, aStep, b, bStep, c, cRow, write);
        }
        else
        {
            Narrow(rows, k, a, aRow, aStep, b, bStep, c, cRow, write);
        }
    }

    private static void Wide(int rows, nint k, T* a, nint aRow, nint aStep, T* b, nint bStep, T* c, nint cRow, TileWrite write)
    {
        switch (rows)
        {
            case 12: TwoVectors<Rows12>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 11: TwoVectors<Rows11>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 10: TwoVectors<Rows10>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 9: TwoVectors<Rows9>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 8: TwoVectors<Rows8>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 7: TwoVectors<Rows7>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 6: TwoVectors<Rows6>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 5: TwoVectors<Rows5>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 4: TwoVectors<Rows4>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 3: TwoVectors<Rows3>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 2: TwoVectors<Rows2>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            default: TwoVectors<Rows1>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
        }
    }

    private static void Narrow(int rows, nint k, T* a, nint aRow, nint aStep, T* b, nint bStep, T* c, nint cRow, TileWrite write)
    {
        switch (rows)
        {
            case 12: OneVector<Rows12>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 11: OneVector<Rows11>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 10: OneVector<Rows10>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 9: OneVector<Rows9>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 8: OneVector<Rows8>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 7: OneVector<Rows7>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 6: OneVector<Rows6>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 5: OneVector<Rows5>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 4: OneVector<Rows4>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 3: OneVector<Rows3>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            case 2: OneVector<Rows2>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
            default: OneVector<Rows1>(k, a, aRow, aStep, b, bStep, c, cRow, write); break;
        }
    }

    // Rows are reached as {base, base + s, base + 2s} from bases three rows apart, which x86 addresses without extra
    // instructions and
    // which keeps twelve row pointers in six registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void TwoVectors<TR>(nint k, T* a, nint aRow, nint aStep, T* b, nint bStep, T* c, nint cRow, TileWrite write)
        where TR : struct, ITileRows
    {
        TV x, b0, b1, z = TL.Zero;
        TV c00 = z, c01 = z, c10 = z, c11 = z, c20 = z, c21 = z, c30 = z, c31 = z, c40 = z, c41 = z, c50 = z, c51 = z;
        TV c60 = z, c61 = z, c70 = z, c71 = z, c80 = z, c81 = z, c90 = z, c91 = z, cA0 = z, cA1 = z, cB0 = z, cB1 = z;
        T* a3 = a + 3 * aRow, a6 = a3 + 3 * aRow, a9 = a6 + 3 * aRow;
        var twoRows = 2 * aRow;
        for (; k > 0; k--)
        {
            b0 = TL.Load(b);
            b1 = TL.Load(b + TL.Count);
            x = TL.Set(*a); c00 = TL.MulAdd(x, b0, c00); c01 = TL.MulAdd(x, b1, c01);
            if (TR.Value > 1) { x = TL.Set(a[aRow]); c10 = TL.MulAdd(x, b0, c10); c11 = TL.MulAdd(x, b1, c11); }
            if (TR.Value > 2) { x = TL.Set(a[twoRows]); c20 = TL.MulAdd(x, b0, c20); c21 = TL.MulAdd(x, b1, c21); }
            if (TR.Value > 3) { x = TL.Set(*a3); c30 = TL.MulAdd(x, b0, c30); c31 = TL.MulAdd(x, b1, c31); }
            if (TR.Value > 4) { x = TL.Set(a3[aRow]); c40 = TL.MulAdd(x, b0, c40); c41 = TL.MulAdd(x, b1, c41); }
            if (TR.Value > 5) { x = TL.Set(a3[twoRows]); c50 = TL.MulAdd(x, b0, c50); c51 = TL.MulAdd(x, b1, c51); }
            if (TR.Value > 6) { x = TL.Set(*a6); c60 = TL.MulAdd(x, b0, c60); c61 = TL.MulAdd(x, b1, c61); }
            if (TR.Value > 7) { x = TL.Set(a6[aRow]); c70 = TL.MulAdd(x, b0, c70); c71 = TL.MulAdd(x, b1, c71); }
            if (TR.Value > 8) { x = TL.Set(a6[twoRows]); c80 = TL.MulAdd(x, b0, c80); c81 = TL.MulAdd(x, b1, c81); }
            if (TR.Value > 9) { x = TL.Set(*a9); c90 = TL.MulAdd(x, b0, c90); c91 = TL.MulAdd(x, b1, c91); }
            if (TR.Value > 10) { x = TL.Set(a9[aRow]); cA0 = TL.MulAdd(x, b0, cA0); cA1 = TL.MulAdd(x, b1, cA1); }
            if (TR.Value > 11) { x = TL.Set(a9[twoRows]); cB0 = TL.MulAdd(x, b0, cB0); cB1 = TL.MulAdd(x, b1, cB1); }
            a += aStep;
            if (TR.Value > 3) { a3 += aStep; }
            if (TR.Value > 6) { a6 += aStep; }
            if (TR.Value > 9) { a9 += aStep; }
            b += bStep;
        }
        Put<TR>(0, ref c, cRow, write, c00, c01); Put<TR>(1, ref c, cRow, write, c10, c11);
        Put<TR>(2, ref c, cRow, write, c20, c21); Put<TR>(3, ref c, cRow, write, c30, c31);
        Put<TR>(4, ref c, cRow, write, c40, c41); Put<TR>(5, ref c, cRow, write, c50, c51);
        Put<TR>(6, ref c, cRow, write, c60, c61); Put<TR>(7, ref c, cRow, write, c70, c71);
        Put<TR>(8, ref c, cRow, write, c80, c81); Put<TR>(9, ref c, cRow, write, c90, c91);
        Put<TR>(10, ref c, cRow, write, cA0, cA1); Put<TR>(11, ref c, cRow, write, cB0, cB1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void OneVector<TR>(nint k, T* a, nint aRow, nint aStep, T* b, nint bStep, T* c, nint cRow, TileWrite write)
        where TR : struct, ITileRows
    {
        TV b0, z = TL.Zero;
        TV c0 = z, c1 = z, c2 = z, c3 = z, c4 = z, c5 = z, c6 = z, c7 = z, c8 = z, c9 = z, cA = z, cB = z;
        T* a3 = a + 3 * aRow, a6 = a3 + 3 * aRow, a9 = a6 + 3 * aRow;
        var twoRows = 2 * aRow;
        for (; k > 0; k--)
        {
            b0 = TL.Load(b);
            c0 = TL.MulAdd(TL.Set(*a), b0, c0);
            if (TR.Value > 1) { c1 = TL.MulAdd(TL.Set(a[aRow]), b0, c1); }
            if (TR.Value > 2) { c2 = TL.MulAdd(TL.Set(a[twoRows]), b0, c2); }
            if (TR.Value > 3) { c3 = TL.MulAdd(TL.Set(*a3), b0, c3); }
            if (TR.Value > 4) { c4 = TL.MulAdd(TL.Set(a3[aRow]), b0, c4); }
            if (TR.Value > 5) { c5 = TL.MulAdd(TL.Set(a3[twoRows]), b0, c5); }
            if (TR.Value > 6) { c6 = TL.MulAdd(TL.Set(*a6), b0, c6); }
            if (TR.Value > 7) { c7 = TL.MulAdd(TL.Set(a6[aRow]), b0, c7); }
            if (TR.Value > 8) { c8 = TL.MulAdd(TL.Set(a6[twoRows]), b0, c8); }
            if (TR.Value > 9) { c9 = TL.MulAdd(TL.Set(*a9), b0, c9); }
            if (TR.Value > 10) { cA = TL.MulAdd(TL.Set(a9[aRow]), b0, cA); }
            if (TR.Value > 11) { cB = TL.MulAdd(TL.Set(a9[twoRows]), b0, cB); }
            a += aStep;
            if (TR.Value > 3) { a3 += aStep; }
            if (TR.Value > 6) { a6 += aStep; }
            if (TR.Value > 9) { a9 += aStep; }
            b += bStep;
        }
        Put<TR>(0, ref c, cRow, write, c0); Put<TR>(1, ref c, cRow, write, c1);
        Put<TR>(2, ref c, cRow, write, c2); Put<TR>(3, ref c, cRow, write, c3);
        Put<TR>(4, ref c, cRow, write, c4); Put<TR>(5, ref c, cRow, write, c5);
        Put<TR>(6, ref c, cRow, write, c6); Put<TR>(7, ref c, cRow, write, c7);
        Put<TR>(8, ref c, cRow, write, c8); Put<TR>(9, ref c, cRow, write, c9);
        Put<TR>(10, ref c, cRow, write, cA); Put<TR>(11, ref c, cRow, write, cB);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TR>(int row, ref T* c, nint cRow, TileWrite write, TV left, TV right)
        where TR : struct, ITileRows
    {
        if (row >= TR.Value)
        {
            return;
        }
        if (write == TileWrite.Stream)
        {
            TL.Stream(c, left);
            TL.Stream(c + TL.Count, right);
        }
        else
        {
            TL.Store(c, write == TileWrite.Add ? TL.Add(TL.Load(c), left) : left);
            TL.Store(c + TL.Count, write == TileWrite.Add ? TL.Add(TL.Load(c + TL.Count), right) : right);
        }
        c += cRow;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TR>(int row, ref T* c, nint cRow, TileWrite write, TV value)
        where TR : struct, ITileRows
    {
        if (row < TR.Value)
        {
            TL.Store(c, write == TileWrite.Add ? TL.Add(TL.Load(c), value) : value);
            c += cRow;
        }
    }
}
