using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Window attention runs on the attention kernels: an instance is a window, its plan finds tokens (roll, partition, padding),
// bias and shift mask by index arithmetic. The gradient of the bias table: a group keeps one head and 32 queries while it walks
// over the windows of a chunk and sums dS into [chunks, heads, N, N]; chunks are added in a fixed tree, then FoldTable gathers
// each distance. No atomics.
internal struct WindowPlan<R> : IAttentionPlan<R> where R : unmanaged, IReal<R>
{
    public WindowLayout Layout;
    public ArrayView<R> Table; // [(2Wh−1)(2Ww−1), heads] or a dummy
    public int HasTable;

    public readonly int Token(int instance, int row) => Layout.Token(instance, row);

    public readonly R Adjust(int instance, int head, int query, int key)
    {
        var add = R.Of(0);
        if (HasTable != 0) { add = Table[Layout.TableRow(query, key) * Layout.Heads + head]; }
        if (Layout.Part(instance, query) != Layout.Part(instance, key)) { add += R.Of(WindowMask.Value); }
        return add;
    }

    public readonly int KeyEnd(int queryEnd, int keys) => keys;

    public readonly int QueryStart(int key) => 0;
}

internal static class WindowGpu
{
    /// <summary>dTable[t, h] = Σ of dS over the pairs at distance t, one thread per entry.</summary>
    internal static void FoldTable<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        int n = a.Layout.Tokens, height = a.Layout.WindowH, width = a.Layout.WindowW;
        for (var e = Grid.IdxX * Group.DimX + Group.IdxX; e < a.Layout.TableRows * a.Layout.Heads; e += Grid.DimX * Group.DimX)
        {
            var t = e / a.Layout.Heads;
            var head = e - t * a.Layout.Heads;
            var line = t / (2 * width - 1);
            int dy = line - height + 1, dx = t - line * (2 * width - 1) - width + 1;
            var sum = R.Of(0);
            for (var y = 0; y < height; y++)
            {
                for (var x = 0; x < width; x++)
                {
                    int ky = y - dy, kx = x - dx;
                    if (ky >= 0 && ky < height && kx >= 0 && kx < width)
                    {
                        sum += a.Sums[(head * n + y * width + x) * n + ky * width + kx];
                    }
                }
            }

            a.Table[e] = sum;
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public WindowLayout Layout;
        public ArrayView<R> Sums;  // [heads, N, N]
        public ArrayView<R> Table; // [(2Wh−1)(2Ww−1), heads]
    }
}
