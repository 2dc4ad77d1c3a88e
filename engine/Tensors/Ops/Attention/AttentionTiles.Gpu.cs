using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

/// <summary>What differs between attentions on a GPU: where token rows lie and what is added to a score.</summary>
internal interface IAttentionPlan<R> where R : unmanaged, IReal<R>
{
    /// <summary>Number of a row's token along the operands' token stride, or −1 − (number of a padded token).</summary>
    int Token(int instance, int row);

    /// <summary>What <see cref="Adjust"/> needs to know of a row: computed once per row and tile, not per score.</summary>
    int Tag(int instance, int row);

    /// <summary>Bias plus mask of one score, from the tags of its query and key.</summary>
    R Adjust(int instance, int head, int query, int key);

    /// <summary>Keys that some query below <paramref name="queryEnd"/> may see.</summary>
    int KeyEnd(int queryEnd, int keys);

    /// <summary>The first query that may see key <paramref name="key"/>.</summary>
    int QueryStart(int key);
}

/// <summary>An operand's elements: instance·Batch + head·Head + token·Token + channel.</summary>
internal struct GpuRows<R> where R : unmanaged
{
    public ArrayView<R> Data;
    public int Batch, Head, Token;

    public readonly int At(int instance, int head, int token) => instance * Batch + head * Head + token * Token;
}

/// <summary>Square tiles of 32 in shared memory, rows 33 apart so that rows and columns are free of bank conflicts. A thread
/// owns blocks of four elements (a, b), (a, b+16), (a+16, b), (a+16, b+16), the same ones every time, so that what it wrote to
/// memory it may read back.</summary>
internal static class GpuTile
{
    public const int Size = 32, Half = 16, Pitch = 33, Length = Size * Pitch, Blocks = Half * Half;

    /// <summary>Places of 32 rows from <paramref name="row0"/>, then their tags; rows beyond the end read as the last
    /// one.</summary>
    public static void Locate<R, TPlan>(ArrayView<int> tokens, TPlan plan, int instance, int row0, int rows)
        where R : unmanaged, IReal<R> where TPlan : struct, IAttentionPlan<R>
    {
        for (var r = Group.IdxX; r < Size; r += Group.DimX)
        {
            var row = row0 + r < rows ? row0 + r : rows - 1;
            tokens[r] = plan.Token(instance, row);
            tokens[Size + r] = plan.Tag(instance, row);
        }
    }

    /// <summary>tile ← 32 rows, channels from <paramref name="c0"/>, times scale; 0 beyond the ends; a padded token reads
    /// <paramref name="pad"/>.</summary>
    public static void Load<R>(ArrayView<R> tile, GpuRows<R> x, ArrayView<R> pad, int padAt, ArrayView<int> tokens,
        int instance, int head, int row0,
        int rows, int c0, int dim, R scale) where R : unmanaged, IReal<R>
    {
        for (var e = Group.IdxX; e < Size * Size; e += Group.DimX)
        {
            int r = e >> 5, c = e & 31;
            var value = R.Of(0);
            if (row0 + r < rows && c0 + c < dim)
            {
                var token = tokens[r];
                if (token >= 0) { value = x.Data[x.At(instance, head, token) + c0 + c]; }
                else if (padAt >= 0) { value = pad[padAt + c0 + c]; }
            }

            tile[r * Pitch + c] = value * scale;
        }
    }

    /// <summary>s[i, j] (+)= Σ a[i, c]·b[j, c].</summary>
    public static void RowsByRows<R>(ArrayView<R> s, ArrayView<R> a, ArrayView<R> b, bool isFirst) where R : unmanaged, IReal<R>
    {
        for (var e = Group.IdxX; e < Blocks; e += Group.DimX)
        {
            int i = (e >> 4) * Pitch, j = (e & 15) * Pitch, to = i + (e & 15);
            R s00 = R.Of(0), s01 = R.Of(0), s10 = R.Of(0), s11 = R.Of(0);
            for (var c = 0; c < Size; c++)
            {
                R a0 = a[i + c], a1 = a[i + Half * Pitch + c], b0 = b[j + c], b1 = b[j + Half * Pitch + c];
                s00 = R.MultiplyAdd(a0, b0, s00);
                s01 = R.MultiplyAdd(a0, b1, s01);
                s10 = R.MultiplyAdd(a1, b0, s10);
                s11 = R.MultiplyAdd(a1, b1, s11);
            }

            if (!isFirst)
            {
                s00 += s[to];
                s01 += s[to + Half];
                s10 += s[to + Half * Pitch];
                s11 += s[to + Half * Pitch + Half];
            }

            s[to] = s00;
            s[to + Half] = s01;
            s[to + Half * Pitch] = s10;
            s[to + Half * Pitch + Half] = s11;
        }
    }

    /// <summary>y[i, c] (+)= scale·Σ_j p[i, j]·b[j, c]; the two steps of p swap for pᵀ.</summary>
    public static void Accumulate<R>(Target<R> y, ArrayView<R> p, int rowStep, int colStep, ArrayView<R> b, bool isFirst, R scale)
        where R : unmanaged, IReal<R>
    {
        for (var e = Group.IdxX; e < Blocks; e += Group.DimX)
        {
            int i = e >> 4, c = e & 15;
            R s00 = R.Of(0), s01 = R.Of(0), s10 = R.Of(0), s11 = R.Of(0);
            for (var j = 0; j < Size; j++)
            {
                R p0 = p[i * rowStep + j * colStep], p1 = p[(i + Half) * rowStep + j * colStep];
                R b0 = b[j * Pitch + c], b1 = b[j * Pitch + c + Half];
                s00 = R.MultiplyAdd(p0, b0, s00);
                s01 = R.MultiplyAdd(p0, b1, s01);
                s10 = R.MultiplyAdd(p1, b0, s10);
                s11 = R.MultiplyAdd(p1, b1, s11);
            }

            y.Add(i, c, s00 * scale, isFirst);
            y.Add(i, c + Half, s01 * scale, isFirst);
            y.Add(i + Half, c, s10 * scale, isFirst);
            y.Add(i + Half, c + Half, s11 * scale, isFirst);
        }
    }

    /// <summary>Where a tile of results goes: rows of an operand, or of the buffer of padded tokens.</summary>
    internal struct Target<R> where R : unmanaged, IReal<R>
    {
        public GpuRows<R> Rows;
        public ArrayView<R> Pad;      // [padded tokens, PadPitch]
        public ArrayView<int> Tokens; // 32 places, 32 tags
        public int Instance, Head, Row0, RowEnd, C0, Dim, PadPitch, PadAt;

        public readonly void Add(int row, int c, R value, bool isFirst)
        {
            if (Row0 + row >= RowEnd || C0 + c >= Dim) { return; }
            var token = Tokens[row];
            if (token >= 0)
            {
                var at = Rows.At(Instance, Head, token) + C0 + c;
                Rows.Data[at] = isFirst ? value : Rows.Data[at] + value;
            }
            else if (PadPitch > 0)
            {
                var at = (-1 - token) * PadPitch + PadAt + C0 + c;
                Pad[at] = isFirst ? value : Pad[at] + value;
            }
        }

        /// <summary>Multiplies an element by <paramref name="keep"/>, adds, and multiplies by <paramref name="last"/>.</summary>
        public readonly void Rescale(int row, int c, R value, R keep, R last, bool isFirst)
        {
            if (Row0 + row >= RowEnd || C0 + c >= Dim || Tokens[row] < 0) { return; }
            var at = Rows.At(Instance, Head, Tokens[row]) + C0 + c;
            Rows.Data[at] = (isFirst ? value : R.MultiplyAdd(Rows.Data[at], keep, value)) * last;
        }
    }
}
