using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Attention forward on a GPU, OnlineTiles (FlashAttention-2, arXiv 2307.08691, algorithm 1): one group per (instance, head, 32
// queries), looping over tiles of 32 keys and 32 channels; any number of keys and any head size. Shared memory: three tiles, 13
// KB in f32 and 26 KB in f64. Traffic: q and y once, k and v once per 32 queries; y is rescaled in place by the thread that
// wrote it. Bias, shift mask, causal mask and padding come from the plan as index arithmetic; no [N, N] tensor exists.
internal static class AttentionForwardGpu
{
    internal static void OnlineTiles<R, TPlan>(Args<R, TPlan> a) where R : unmanaged, IReal<R>
        where TPlan : struct, IAttentionPlan<R>
    {
        var left = SharedMemory.Allocate<R>(GpuTile.Length);
        var right = SharedMemory.Allocate<R>(GpuTile.Length);
        var s = SharedMemory.Allocate<R>(GpuTile.Length);
        var stats = SharedMemory.Allocate<R>(3 * GpuTile.Size); // running maximum, running sum, factor of what is in y
        var queryTokens = SharedMemory.Allocate<int>(2 * GpuTile.Size);
        var keyTokens = SharedMemory.Allocate<int>(2 * GpuTile.Size);
        var queryTiles = (a.Queries + GpuTile.Size - 1) / GpuTile.Size;
        for (var item = Grid.IdxX; item < a.Instances * a.Heads * queryTiles; item += Grid.DimX)
        {
            var instanceHead = item / queryTiles;
            var q0 = (item - instanceHead * queryTiles) * GpuTile.Size;
            var instance = instanceHead / a.Heads;
            var head = instanceHead - instance * a.Heads;
            GpuTile.Locate<R, TPlan>(queryTokens, a.Plan, instance, q0, a.Queries);
            for (var r = Group.IdxX; r < GpuTile.Size; r += Group.DimX)
            {
                stats[r] = R.Of(AttentionTiles.Masked);
                stats[GpuTile.Size + r] = R.Of(0);
            }

            var keyEnd = a.Plan.KeyEnd(q0 + GpuTile.Size, a.Keys);
            for (var k0 = 0; k0 < keyEnd; k0 += GpuTile.Size)
            {
                GpuTile.Locate<R, TPlan>(keyTokens, a.Plan, instance, k0, a.Keys);
                Group.Barrier();
                Scores(a, left, right, s, queryTokens, keyTokens, instance, head, q0, k0);
                Adjust(a, s, queryTokens, keyTokens, instance, head, q0, k0);
                Group.Barrier();
                Weights(s, stats, k0 + GpuTile.Size >= keyEnd);
                Values(a, s, right, stats, queryTokens, keyTokens, instance, head, q0, k0, k0 + GpuTile.Size >= keyEnd);
            }

            for (var r = Group.IdxX; r < GpuTile.Size; r += Group.DimX)
            {
                if (q0 + r < a.Queries) { a.Lse[instanceHead * a.Queries + q0 + r] = stats[r]; }
            }

            Group.Barrier();
        }
    }

    private static void Scores<R, TPlan>(Args<R, TPlan> a, ArrayView<R> left, ArrayView<R> right, ArrayView<R> s,
        ArrayView<int> queryTokens, ArrayView<int> keyTokens, int instance, int head, int q0, int k0)
        where R : unmanaged, IReal<R> where TPlan : struct, IAttentionPlan<R>
    {
        for (var c0 = 0; c0 < a.Dim; c0 += GpuTile.Size)
        {
            GpuTile.Load(left, a.Q, a.Pad, a.PadAt(0, head), queryTokens, instance, head, q0, a.Queries, c0, a.Dim, a.Scale);
            GpuTile.Load(right, a.K, a.Pad, a.PadAt(1, head), keyTokens, instance, head, k0, a.Keys, c0, a.Dim, R.Of(1));
            Group.Barrier();
            GpuTile.RowsByRows(s, left, right, c0 == 0);
            Group.Barrier();
        }
    }

    private static void Values<R, TPlan>(Args<R, TPlan> a, ArrayView<R> p, ArrayView<R> v, ArrayView<R> stats,
        ArrayView<int> queryTokens, ArrayView<int> keyTokens, int instance, int head, int q0, int k0, bool isLast)
        where R : unmanaged, IReal<R> where TPlan : struct, IAttentionPlan<R>
    {
        for (var c0 = 0; c0 < a.Dim; c0 += GpuTile.Size)
        {
            GpuTile.Load(v, a.V, a.Pad, a.PadAt(2, head), keyTokens, instance, head, k0, a.Keys, c0, a.Dim, R.Of(1));
            Group.Barrier();
            var y = new GpuTile.Target<R>
            {
                Rows = a.Y,
                Tokens = queryTokens,
                Instance = instance,
                Head = head,
                Row0 = q0,
                RowEnd = a.Queries,
                C0 = c0,
                Dim = a.Dim,
            };
            WeightedSum(y, p, v, stats, k0 == 0, isLast);
            Group.Barrier();
        }
    }

    /// <summary>Scores get bias and mask; those of keys beyond the end become −∞.</summary>
    private static void Adjust<R, TPlan>(Args<R, TPlan> a, ArrayView<R> s, ArrayView<int> queryTokens, ArrayView<int> keyTokens,
        int instance, int head, int q0, int k0)
        where R : unmanaged, IReal<R> where TPlan : struct, IAttentionPlan<R>
    {
        for (var e = Group.IdxX; e < GpuTile.Size * GpuTile.Size; e += Group.DimX)
        {
            int r = e >> 5, c = e & 31;
            var at = r * GpuTile.Pitch + c;
            if (k0 + c >= a.Keys) { s[at] = R.Of(double.NegativeInfinity); }
            else if (q0 + r < a.Queries)
            {
                s[at] += a.Plan.Adjust(instance, head, queryTokens[GpuTile.Size + r], keyTokens[GpuTile.Size + c]);
            }
        }
    }

    // Row by row: new maximum, weights, running sum. After the last tile the row's statistics become its log-sum-exp, 1/Σ and
    // factor.
    private static void Weights<R>(ArrayView<R> s, ArrayView<R> stats, bool isLast) where R : unmanaged, IReal<R>
    {
        for (var r = Group.IdxX; r < GpuTile.Size; r += Group.DimX)
        {
            var before = stats[r];
            var max = before;
            for (var c = 0; c < GpuTile.Size; c++) { max = R.Max(max, s[r * GpuTile.Pitch + c]); }
            var sum = R.Of(0);
            for (var c = 0; c < GpuTile.Size; c++)
            {
                var p = R.Exp(s[r * GpuTile.Pitch + c] - max);
                s[r * GpuTile.Pitch + c] = p;
                sum += p;
            }

            var keep = R.Exp(before - max);
            sum = R.MultiplyAdd(stats[GpuTile.Size + r], keep, sum);
            stats[2 * GpuTile.Size + r] = keep;
            stats[r] = max;
            stats[GpuTile.Size + r] = sum;
            if (isLast)
            {
                // A fully masked row: weights 0 now, and in backward through a log-sum-exp above every score.
                var empty = R.Of(-AttentionTiles.Masked);
                stats[r] = R.IfGreater(sum, R.Of(0), max + R.Log(R.Max(R.Of(1e-30), sum)), empty);
                stats[GpuTile.Size + r] = R.IfGreater(sum, R.Of(0), R.Of(1) / R.Max(R.Of(1e-30), sum), R.Of(0));
            }
        }
    }

    private static void WeightedSum<R>(GpuTile.Target<R> y, ArrayView<R> p, ArrayView<R> v, ArrayView<R> stats, bool isFirst,
        bool isLast)
        where R : unmanaged, IReal<R>
    {
        for (var e = Group.IdxX; e < GpuTile.Blocks; e += Group.DimX)
        {
            int i = e >> 4, c = e & 15, row = i * GpuTile.Pitch, next = (i + GpuTile.Half) * GpuTile.Pitch;
            R s00 = R.Of(0), s01 = R.Of(0), s10 = R.Of(0), s11 = R.Of(0);
            for (var j = 0; j < GpuTile.Size; j++)
            {
                R p0 = p[row + j], p1 = p[next + j], v0 = v[j * GpuTile.Pitch + c], v1 = v[j * GpuTile.Pitch + c + GpuTile.Half];
                s00 = R.MultiplyAdd(p0, v0, s00);
                s01 = R.MultiplyAdd(p0, v1, s01);
                s10 = R.MultiplyAdd(p1, v0, s10);
                s11 = R.MultiplyAdd(p1, v1, s11);
            }

            R keep0 = stats[2 * GpuTile.Size + i], keep1 = stats[2 * GpuTile.Size + i + GpuTile.Half];
            R last0 = isLast ? stats[GpuTile.Size + i] : R.Of(1),
                last1 = isLast ? stats[GpuTile.Size + i + GpuTile.Half] : R.Of(1);
            y.Rescale(i, c, s00, keep0, last0, isFirst);
            y.Rescale(i, c + GpuTile.Half, s01, keep0, last0, isFirst);
            y.Rescale(i + GpuTile.Half, c, s10, keep1, last1, isFirst);
            y.Rescale(i + GpuTile.Half, c + GpuTile.Half, s11, keep1, last1, isFirst);
        }
    }

    internal struct Args<R, TPlan> where R : unmanaged, IReal<R> where TPlan : struct, IAttentionPlan<R>
    {
        public GpuRows<R> Q, K, V, Y;
        public ArrayView<R> Pad; // [3, heads, d] or a dummy
        public ArrayView<R> Lse; // [instances, heads, queries]
        public TPlan Plan;
        public R Scale;
        public int Instances, Heads, Queries, Keys, Dim, HasPad;

        public readonly int PadAt(int part, int head) => HasPad != 0 ? (part * Heads + head) * Dim : -1;
    }
}
