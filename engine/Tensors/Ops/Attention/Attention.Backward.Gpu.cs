using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// Attention backward on a GPU, two passes that recompute the weights from the saved log-sum-exp (FlashAttention-2, arXiv
// 2307.08691, algorithm 2), so that every gradient has one writer and nothing is atomic:
// QueryTiles: a group per (32 queries) loops over keys, writes dQ and sums dS into a sink; KeyTiles: a group per (32 keys)
// loops over queries, writes dK, dV. Shared memory: four tiles, 17 KB in f32 and 34 KB in f64. Traffic: each pass reads q, k,
// v, dy once per 32 rows of the other side.
internal static class AttentionBackwardGpu
{
    /// <summary>Row dots, then the two passes.</summary>
    public static void Launch<R, TPlan>(GpuDevice device, in Args<R, TPlan> a) where R : unmanaged, IReal<R>
        where TPlan : struct, IAttentionPlan<R>
    {
        long heads = (long)a.Instances * a.Heads, sinks = (long)((a.Instances + a.Members - 1) / a.Members) * a.Heads;
        if (a.HasSink != 0) { _ = checked((int)(sinks * a.Queries * a.Keys)); }
        device.LaunchElements(RowDots, heads * a.Queries, a);
        device.LaunchGroups(QueryTiles, sinks * ((a.Queries + GpuTile.Size - 1) / GpuTile.Size), a);
        device.LaunchGroups(KeyTiles, heads * ((a.Keys + GpuTile.Size - 1) / GpuTile.Size), a);
    }

    // A group keeps its (sink, head, query tile) while it walks over the sink's instances: the sink is read and written by one
    // thread per element.
    internal static void QueryTiles<R, TPlan>(Args<R, TPlan> a) where R : unmanaged, IReal<R>
        where TPlan : struct, IAttentionPlan<R>
    {
        var left = SharedMemory.Allocate<R>(GpuTile.Length);
        var right = SharedMemory.Allocate<R>(GpuTile.Length);
        var s = SharedMemory.Allocate<R>(GpuTile.Length);
        var ds = SharedMemory.Allocate<R>(GpuTile.Length);
        var queryTokens = SharedMemory.Allocate<int>(2 * GpuTile.Size);
        var keyTokens = SharedMemory.Allocate<int>(2 * GpuTile.Size);
        var queryTiles = (a.Queries + GpuTile.Size - 1) / GpuTile.Size;
        var sinks = (a.Instances + a.Members - 1) / a.Members;
        for (var item = Grid.IdxX; item < sinks * a.Heads * queryTiles; item += Grid.DimX)
        {
            var sinkHead = item / queryTiles;
            var q0 = (item - sinkHead * queryTiles) * GpuTile.Size;
            var sink = sinkHead / a.Heads;
            var head = sinkHead - sink * a.Heads;
            var keyEnd = a.Plan.KeyEnd(q0 + GpuTile.Size, a.Keys);
            for (var instance = sink * a.Members; instance < a.Instances && instance < (sink + 1) * a.Members; instance++)
            {
                GpuTile.Locate<R, TPlan>(queryTokens, a.Plan, instance, q0, a.Queries);
                for (var k0 = 0; k0 < keyEnd; k0 += GpuTile.Size)
                {
                    GpuTile.Locate<R, TPlan>(keyTokens, a.Plan, instance, k0, a.Keys);
                    Group.Barrier();
                    Products(a, left, right, s, ds, queryTokens, keyTokens, instance, head, q0, k0);
                    Gradients(a, s, ds, queryTokens, keyTokens, instance, head, q0, k0,
                        a.HasSink != 0 ? sinkHead * a.Queries * a.Keys : -1);
                    Group.Barrier();
                    for (var c0 = 0; c0 < a.Dim; c0 += GpuTile.Size)
                    {
                        GpuTile.Load(right, a.K, a.Pad, a.PadAt(1, head), keyTokens, instance, head, k0, a.Keys, c0, a.Dim,
                            R.Of(1));
                        Group.Barrier();
                        GpuTile.Accumulate(a.To(a.Dq, queryTokens, 0, instance, head, q0, a.Queries, c0), ds, GpuTile.Pitch, 1,
                            right, k0 == 0, a.Scale);
                        Group.Barrier();
                    }
                }
            }
        }
    }

    internal static void KeyTiles<R, TPlan>(Args<R, TPlan> a) where R : unmanaged, IReal<R>
        where TPlan : struct, IAttentionPlan<R>
    {
        var left = SharedMemory.Allocate<R>(GpuTile.Length);
        var right = SharedMemory.Allocate<R>(GpuTile.Length);
        var s = SharedMemory.Allocate<R>(GpuTile.Length);
        var ds = SharedMemory.Allocate<R>(GpuTile.Length);
        var queryTokens = SharedMemory.Allocate<int>(2 * GpuTile.Size);
        var keyTokens = SharedMemory.Allocate<int>(2 * GpuTile.Size);
        var keyTiles = (a.Keys + GpuTile.Size - 1) / GpuTile.Size;
        for (var item = Grid.IdxX; item < a.Instances * a.Heads * keyTiles; item += Grid.DimX)
        {
            var instanceHead = item / keyTiles;
            var k0 = (item - instanceHead * keyTiles) * GpuTile.Size;
            var instance = instanceHead / a.Heads;
            var head = instanceHead - instance * a.Heads;
            var start = a.Plan.QueryStart(k0) / GpuTile.Size * GpuTile.Size;
            GpuTile.Locate<R, TPlan>(keyTokens, a.Plan, instance, k0, a.Keys);
            for (var q0 = start; q0 < a.Queries; q0 += GpuTile.Size)
            {
                GpuTile.Locate<R, TPlan>(queryTokens, a.Plan, instance, q0, a.Queries);
                Group.Barrier();
                Products(a, left, right, s, ds, queryTokens, keyTokens, instance, head, q0, k0);
                Gradients(a, s, ds, queryTokens, keyTokens, instance, head, q0, k0, -1);
                Group.Barrier();
                for (var c0 = 0; c0 < a.Dim; c0 += GpuTile.Size)
                {
                    GpuTile.Load(left, a.Q, a.Pad, a.PadAt(0, head), queryTokens, instance, head, q0, a.Queries, c0, a.Dim,
                        a.Scale);
                    GpuTile.Load(right, a.Dy, a.Pad, -1, queryTokens, instance, head, q0, a.Queries, c0, a.Dim, R.Of(1));
                    Group.Barrier();
                    GpuTile.Accumulate(a.To(a.Dk, keyTokens, 1, instance, head, k0, a.Keys, c0), ds, 1, GpuTile.Pitch, left,
                        q0 == start, R.Of(1));
                    GpuTile.Accumulate(a.To(a.Dv, keyTokens, 2, instance, head, k0, a.Keys, c0), s, 1, GpuTile.Pitch, right,
                        q0 == start, R.Of(1));
                    Group.Barrier();
                }
            }

            Group.Barrier();
        }
    }

    /// <summary>Δ of every query: Σ_c dy∘y, one thread per row.</summary>
    internal static void RowDots<R, TPlan>(Args<R, TPlan> a) where R : unmanaged, IReal<R> where TPlan : struct, IAttentionPlan<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < a.Instances * a.Heads * a.Queries; i += Grid.DimX * Group.DimX)
        {
            var instanceHead = i / a.Queries;
            var instance = instanceHead / a.Heads;
            var token = a.Plan.Token(instance, i - instanceHead * a.Queries);
            var sum = R.Of(0);
            if (token >= 0)
            {
                int y = a.Y.At(instance, instanceHead - instance * a.Heads, token),
                    dy = a.Dy.At(instance, instanceHead - instance * a.Heads, token);
                for (var c = 0; c < a.Dim; c++) { sum = R.MultiplyAdd(a.Y.Data[y + c], a.Dy.Data[dy + c], sum); }
            }

            a.Delta[i] = sum;
        }
    }

    // s = τ·q·kᵀ and ds = dy·vᵀ.
    private static void Products<R, TPlan>(Args<R, TPlan> a, ArrayView<R> left, ArrayView<R> right, ArrayView<R> s,
        ArrayView<R> ds,
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
            GpuTile.Load(left, a.Dy, a.Pad, -1, queryTokens, instance, head, q0, a.Queries, c0, a.Dim, R.Of(1));
            GpuTile.Load(right, a.V, a.Pad, a.PadAt(2, head), keyTokens, instance, head, k0, a.Keys, c0, a.Dim, R.Of(1));
            Group.Barrier();
            GpuTile.RowsByRows(ds, left, right, c0 == 0);
            Group.Barrier();
        }
    }

    // s becomes P = e^{s + bias − lse}, ds becomes P∘(dP − Δ); rows and keys beyond the ends become 0.
    private static void Gradients<R, TPlan>(Args<R, TPlan> a, ArrayView<R> s, ArrayView<R> ds, ArrayView<int> queryTokens,
        ArrayView<int> keyTokens, int instance, int head, int q0, int k0, int sink)
        where R : unmanaged, IReal<R> where TPlan : struct, IAttentionPlan<R>
    {
        for (var e = Group.IdxX; e < GpuTile.Size * GpuTile.Size; e += Group.DimX)
        {
            int r = e >> 5, c = e & 31;
            var at = r * GpuTile.Pitch + c;
            R p = R.Of(0), g = R.Of(0);
            if (q0 + r < a.Queries && k0 + c < a.Keys)
            {
                var row = (instance * a.Heads + head) * a.Queries + q0 + r;
                var add = a.Plan.Adjust(instance, head, queryTokens[GpuTile.Size + r], keyTokens[GpuTile.Size + c]);
                p = R.Exp(s[at] + add - a.Lse[row]);
                g = p * (ds[at] - a.Delta[row]);
                if (sink >= 0) { a.Sink[sink + (q0 + r) * a.Keys + k0 + c] += g; }
            }

            s[at] = p;
            ds[at] = g;
        }
    }

    internal struct Args<R, TPlan> where R : unmanaged, IReal<R> where TPlan : struct, IAttentionPlan<R>
    {
        public GpuRows<R> Q, K, V, Y, Dy, Dq, Dk, Dv;
        public ArrayView<R> Pad, PadGradient; // [3, heads, d]; [padded tokens, 3, heads, d]; or dummies
        public ArrayView<R> Lse, Delta;       // [instances, heads, queries]
        public ArrayView<R> Sink;             // [sinks, heads, queries, keys], zeroed, or a dummy
        public TPlan Plan;
        public R Scale;
        public int Instances, Heads, Queries, Keys, Dim, HasPad, HasPadGradient, HasSink, Members;

        public readonly int PadAt(int part, int head) => HasPad != 0 ? (part * Heads + head) * Dim : -1;

        public readonly GpuTile.Target<R> To(GpuRows<R> rows, ArrayView<int> tokens, int part, int instance, int head, int row0,
            int rowEnd, int c0) => new()
            {
                Rows = rows,
                Pad = PadGradient,
                Tokens = tokens,
                Instance = instance,
                Head = head,
                Row0 = row0,
                RowEnd = rowEnd,
                C0 = c0,
                Dim = Dim,
                PadPitch = HasPadGradient != 0 && part > 0 ? 3 * Heads * Dim : 0,
                PadAt = (part * Heads + head) * Dim,
            };
    }
}
