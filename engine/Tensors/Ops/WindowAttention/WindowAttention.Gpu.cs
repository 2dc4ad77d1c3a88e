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
    public ArrayView<R> Table; // [(2P−1)(2Mh−1)(2Mw−1), heads] or a dummy
    public int HasTable, Middle; // row of distance 0

    public readonly int Token(int instance, int row) => Layout.Token(instance, row);

    public readonly int Tag(int instance, int row) =>
        (Layout.TablePlace(row) << WindowLayout.PartBits) + Layout.Part(instance, row);

    public readonly R Adjust(int instance, int head, int query, int key)
    {
        const int Bits = WindowLayout.PartBits;
        var add = R.Of(0);
        if (HasTable != 0) { add = Table[((query >> Bits) - (key >> Bits) + Middle) * Layout.Heads + head]; }
        if (((query ^ key) & ((1 << Bits) - 1)) != 0) { add += R.Of(WindowMask.Value); }
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
        int rows = 2 * a.Layout.TableH - 1, columns = 2 * a.Layout.TableW - 1;
        for (var e = Grid.IdxX * Group.DimX + Group.IdxX; e < a.Layout.TableRows * a.Layout.Heads; e += Grid.DimX * Group.DimX)
        {
            var t = e / a.Layout.Heads;
            var head = e - t * a.Layout.Heads;
            var line = t / columns;
            var plane = line / rows;
            a.Table[e] = AtDistance(a, head, plane - a.Layout.TableD + 1, line - plane * rows - a.Layout.TableH + 1,
                t - line * columns - a.Layout.TableW + 1);
        }
    }

    private static R AtDistance<R>(Args<R> a, int head, int dz, int dy, int dx) where R : unmanaged, IReal<R>
    {
        int n = a.Layout.Tokens, depth = a.Layout.OrderD, height = a.Layout.OrderH, width = a.Layout.OrderW;
        var sum = R.Of(0);
        for (var line = 0; line < depth * height; line++)
        {
            var z = line / height;
            int y = line - z * height, kz = z - dz, ky = y - dy;
            if (kz >= 0 && kz < depth && ky >= 0 && ky < height)
            {
                for (var x = 0; x < width; x++)
                {
                    int kx = x - dx, query = line * width + x, key = (kz * height + ky) * width + kx;
                    if (kx >= 0 && kx < width && query < n && key < n) { sum += a.Sums[(head * n + query) * n + key]; }
                }
            }
        }

        return sum;
    }

    internal struct Args<R> where R : unmanaged
    {
        public WindowLayout Layout;
        public ArrayView<R> Sums;  // [heads, N, N]
        public ArrayView<R> Table; // [(2P−1)(2Mh−1)(2Mw−1), heads]
    }
}
