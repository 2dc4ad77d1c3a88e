using System;
using System.Linq;

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

    /// <summary>Pad with <paramref name="pad"/>, roll by −shift, partition, attend, merge, roll back, crop.</summary>
    public static Nd Window(Nd qkv, Nd? table, int heads, int wh, int ww, int sh, int sw, Nd? pad)
    {
        int batch = qkv.Shape[0], h = qkv.Shape[1], w = qkv.Shape[2], channels = qkv.Shape[3] / 3, d = channels / heads;
        int hp = (h + wh - 1) / wh * wh, wp = (w + ww - 1) / ww * ww;
        var padded = Nd.From([batch, hp, wp, 3 * channels], i => i[1] < h && i[2] < w ? qkv[i] : pad is null ? 0 : pad[i[3]]);
        var rolled = Nd.From(padded.Shape, i => padded[i[0], (i[1] + sh) % hp, (i[2] + sw) % wp, i[3]]);
        static int Region(int a, int size, int window, int shift) =>
            shift == 0 ? 0 : a < size - window ? 0 : a < size - shift ? 1 : 2;
        int Label(int y, int x) => 3 * Region(y, hp, wh, sh) + Region(x, wp, ww, sw);
        var attended = new Nd([batch, hp, wp, channels]);
        foreach (var at in Nd.Indices([batch, hp / wh, wp / ww, heads]))
        {
            int y0 = at[1] * wh, x0 = at[2] * ww, head = at[3];
            double[,] Rows(int part) =>
                Table(wh * ww, d, (i, c) => rolled[at[0], y0 + i / ww, x0 + i % ww, part * channels + head * d + c]);
            var y = Head(Rows(0), Rows(1), Rows(2), (i, j) =>
                (table is null ? 0 : table[(i / ww - j / ww + wh - 1) * (2 * ww - 1) + i % ww - j % ww + ww - 1, head])
                + (Label(y0 + i / ww, x0 + i % ww) == Label(y0 + j / ww, x0 + j % ww) ? 0 : -100));
            foreach (var to in Nd.Indices([wh * ww, d]))
            {
                attended[at[0], y0 + to[0] / ww, x0 + to[0] % ww, head * d + to[1]] = y[to[0], to[1]];
            }
        }

        return Nd.From([batch, h, w, channels], i => attended[i[0], (i[1] + hp - sh) % hp, (i[2] + wp - sw) % wp, i[3]]);
    }

    private static double[,] Table(int rows, int columns, Func<int, int, double> value)
    {
        var t = new double[rows, columns];
        for (var i = 0; i < rows; i++) { for (var c = 0; c < columns; c++) { t[i, c] = value(i, c); } }
        return t;
    }
}
