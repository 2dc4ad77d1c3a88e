using System;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Attention as its definition says, in float64: full score matrices, and for windows the literal roll, partition,
/// mask and their undoing.</summary>
internal static class AttentionOracle
{
    /// <summary>softmax(q·kᵀ/√d + add)·v of one head; a row without any finite score gives zeros.</summary>
    public static double[,] Head(double[,] q, double[,] k, double[,] v, Func<int, int, double> add)
    {
        int queries = q.GetLength(0), keys = k.GetLength(0), d = q.GetLength(1);
        var y = new double[queries, d];
        for (var i = 0; i < queries; i++)
        {
            var s = new double[keys];
            for (var j = 0; j < keys; j++)
            {
                for (var c = 0; c < d; c++) { s[j] += q[i, c] * k[j, c]; }
                s[j] = s[j] / Math.Sqrt(d) + add(i, j);
            }

            var max = s.Max();
            if (double.IsNegativeInfinity(max)) { continue; }
            var sum = s.Sum(v => Math.Exp(v - max));
            for (var j = 0; j < keys; j++)
            {
                for (var c = 0; c < d; c++) { y[i, c] += Math.Exp(s[j] - max) / sum * v[j, c]; }
            }
        }

        return y;
    }

    public static Nd Sequence(Nd q, Nd k, Nd v, Nd? mask, bool isCausal)
    {
        int batch = q.Shape[0], heads = q.Shape[1], queries = q.Shape[2], keys = k.Shape[2], d = q.Shape[3];
        var y = new Nd(q.Shape);
        for (var b = 0; b < batch; b++)
        {
            for (var h = 0; h < heads; h++)
            {
                double[,] Rows(Nd x, int n) => Table(n, d, (i, c) => x[b, h, i, c]);
                var head = Head(Rows(q, queries), Rows(k, keys), Rows(v, keys), (i, j) =>
                {
                    var add = mask is null ? 0 : mask.Broadcast([b, h, i, j]);
                    return (isCausal && j > i) || add <= -1e30 ? double.NegativeInfinity : add;
                });
                for (var i = 0; i < queries; i++) { for (var c = 0; c < d; c++) { y[b, h, i, c] = head[i, c]; } }
            }
        }

        return y;
    }

    public static Nd Self(Nd qkv, int heads, bool isCausal, Nd? keyPadding)
    {
        int batch = qkv.Shape[0], n = qkv.Shape[1], channels = qkv.Shape[2] / 3, d = channels / heads;
        var y = new Nd([batch, n, channels]);
        for (var b = 0; b < batch; b++)
        {
            for (var h = 0; h < heads; h++)
            {
                double[,] Rows(int part) => Table(n, d, (i, c) => qkv[b, i, part * channels + h * d + c]);
                var head = Head(Rows(0), Rows(1), Rows(2), (i, j) =>
                    (isCausal && j > i) || (keyPadding is not null && keyPadding[b, j] == 0) ? double.NegativeInfinity : 0);
                for (var i = 0; i < n; i++) { for (var c = 0; c < d; c++) { y[b, i, h * d + c] = head[i, c]; } }
            }
        }

        return y;
    }

    /// <summary>Pad with <paramref name="pad"/>, roll by −shift, partition, attend, merge, roll back, crop; images are clips of
    /// one frame.</summary>
    public static Nd Window(Nd qkv, Nd? table, int heads, WindowShape w, Nd? pad)
    {
        if (qkv.Shape.Length == 4)
        {
            Shape s = qkv.Shape;
            var image = Window(new Nd(qkv.Data, [s[0], 1, s[1], s[2], s[3]]), table, heads, w, pad);
            return new Nd(image.Data, s.With(3, s[3] / 3));
        }

        int[] map = [qkv.Shape[1], qkv.Shape[2], qkv.Shape[3]], window = [w.Depth, w.Height, w.Width];
        int[] shift = [w.ShiftD, w.ShiftH, w.ShiftW];
        int[] grid = [.. map.Zip(window, (m, p) => (m + p - 1) / p)], padded = [.. grid.Zip(window, (g, p) => g * p)];
        int batch = qkv.Shape[0], channels = qkv.Shape[4] / 3, d = channels / heads, n = window.Aggregate((a, b) => a * b);
        var full = Nd.From([batch, .. padded, 3 * channels], i =>
            i[1] < map[0] && i[2] < map[1] && i[3] < map[2] ? qkv[i] : pad is null ? 0 : pad[i[4]]);
        var rolled = Nd.From(full.Shape, i => full[i[0], (i[1] + shift[0]) % padded[0], (i[2] + shift[1]) % padded[1],
            (i[3] + shift[2]) % padded[2], i[4]]);
        int Region(int axis, int a) =>
            shift[axis] == 0 || a < padded[axis] - window[axis] ? 0 : a < padded[axis] - shift[axis] ? 1 : 2;
        int Label(int[] at) => 9 * Region(0, at[0]) + 3 * Region(1, at[1]) + Region(2, at[2]);
        var index = RelativeIndex(w);
        var attended = new Nd([batch, .. padded, channels]);
        foreach (var of in Nd.Indices([batch, .. grid, heads]))
        {
            int[][] tokens = [.. Nd.Indices(window).Select(t => (int[])
                [of[1] * window[0] + t[0], of[2] * window[1] + t[1], of[3] * window[2] + t[2]])];
            double[,] Rows(int part) => Table(n, d, (i, c) =>
                rolled[of[0], tokens[i][0], tokens[i][1], tokens[i][2], part * channels + of[4] * d + c]);
            var y = Head(Rows(0), Rows(1), Rows(2), (i, j) =>
                (table is null ? 0 : table[index[i, j], of[4]]) + (Label(tokens[i]) == Label(tokens[j]) ? 0 : -100));
            foreach (var to in Nd.Indices([n, d]))
            {
                attended[of[0], tokens[to[0]][0], tokens[to[0]][1], tokens[to[0]][2], of[4] * d + to[1]] = y[to[0], to[1]];
            }
        }

        return Nd.From([batch, .. map, channels], i => attended[i[0], (i[1] + padded[0] - shift[0]) % padded[0],
            (i[2] + padded[1] - shift[1]) % padded[1], (i[3] + padded[2] - shift[2]) % padded[2], i[4]]);
    }

    /// <summary>Rows of the table for the pairs of a window's tokens: the index matrix of the table's window, at the same places
    /// of it or, sliced, its first rows and columns.</summary>
    private static int[,] RelativeIndex(WindowShape w)
    {
        var t = w.Table ?? (w.Depth, w.Height, w.Width);
        int[][] all = [.. Nd.Indices([t.Depth, t.Height, t.Width])];
        int[][] of = w.SlicesTable ? all[..(w.Depth * w.Height * w.Width)]
            : [.. all.Where(c => c[0] < w.Depth && c[1] < w.Height && c[2] < w.Width)];
        var index = new int[of.Length, of.Length];
        for (var i = 0; i < of.Length; i++)
        {
            for (var j = 0; j < of.Length; j++)
            {
                int z = of[i][0] - of[j][0] + t.Depth - 1, y = of[i][1] - of[j][1] + t.Height - 1;
                index[i, j] = (z * (2 * t.Height - 1) + y) * (2 * t.Width - 1) + of[i][2] - of[j][2] + t.Width - 1;
            }
        }

        return index;
    }

    private static double[,] Table(int rows, int columns, Func<int, int, double> value)
    {
        var t = new double[rows, columns];
        for (var i = 0; i < rows; i++) { for (var c = 0; c < columns; c++) { t[i, c] = value(i, c); } }
        return t;
    }
}
