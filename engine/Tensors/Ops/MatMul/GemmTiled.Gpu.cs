using System;
using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// C = act(A·B + bias) by tiles in shared memory, for any operands that are sources (GemmSource.Gpu.cs).
// A group makes a tile of C; per step it holds Inner k of both operands in one of two buffers while the next step's elements are on their
// way to registers, so one barrier a step suffices. Split-K: where the tiles of C are fewer than the GPU's multiprocessors and k is long
// (weight gradients), the k are cut in parts of a fixed length, each part has a tile in a buffer of its own, and a second kernel adds the
// parts in their order. Cuts depend on sizes only, so bits repeat.
internal static class GemmTiled
{
    // Groups that fill a large GPU twice; with fewer tiles than half of it, k is split.
    private const int Groups = 256;
    private const int LeastPart = 256;

    /// <summary>Whether tiles suit: below, most of a tile lies past the edge.</summary>
    public static bool Suits(in GemmSizes sizes) => sizes.M > 16 && sizes.N > 16 && sizes.K >= 8;

    /// <summary>The product.</summary>
    /// <param name="gpu">Device.</param> <param name="like">A tensor of the element type, for scratch memory.</param> <param name="a">Rows.</param>
    /// <param name="b">Columns.</param> <param name="output">Result.</param> <param name="sizes">K at least 1.</param>
    public static void Run<TA, TB, R>(GpuDevice gpu, Tensor like, TA a, TB b, in GemmOutput<R> output, in GemmSizes sizes)
        where TA : struct, ITileStage<TA, R> where TB : struct, ITileStage<TB, R> where R : unmanaged, IReal<R>
    {
        if (gpu.MaxGroupSize < Tile64<R>.Threads) { Run<TA, TB, Tile16<R>, R>(gpu, like, a, b, output, sizes); }
        else if (typeof(R) == typeof(G32) && sizes.Tiles(Tile128<R>.Lines) >= Groups / 4) { Run<TA, TB, Tile128<R>, R>(gpu, like, a, b, output, sizes); }
        else { Run<TA, TB, Tile64<R>, R>(gpu, like, a, b, output, sizes); }
    }

    internal static void Tiled<TA, TB, TTile, R>(Args<TA, TB, R> g)
        where TA : struct, ITileStage<TA, R> where TB : struct, ITileStage<TB, R> where TTile : struct, ITile<TTile, R> where R : unmanaged, IReal<R>
    {
        var left = SharedMemory.Allocate<Pack4<R>>(2 * TTile.Inner * (TTile.Lines + 4) / 4);
        var right = SharedMemory.Allocate<Pack4<R>>(2 * TTile.Inner * (TTile.Lines + 4) / 4);
        for (var item = Grid.IdxX; item < g.Items; item += Grid.DimX)
        {
            int part = item / g.TilesPerPart, inPart = item - part * g.TilesPerPart;
            int batch = inPart / g.TilesPerBatch, tile = inPart - batch * g.TilesPerBatch;
            int row = tile / g.Columns, m = row * TTile.Lines, n = (tile - row * g.Columns) * TTile.Lines;
            int from = part * g.PartLength, to = from + g.PartLength < g.K ? from + g.PartLength : g.K;
            var c = Product<TA, TB, TTile, R>(g.A.At<TTile>(batch, m), g.B.At<TTile>(batch, n), left, right, from, to);
            c.Store(g.Output, left, part * g.PartStride + batch * g.Output.CBatch, m, n);
        }
    }

    internal static void AddParts<R>(PartArgs<R> g) where R : unmanaged, IReal<R>
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < g.Count; i += Grid.DimX * Group.DimX)
        {
            var sum = g.Parts[i];
            for (var part = 1; part < g.PartCount; part++) { sum += g.Parts[i + part * g.Count]; }
            var batch = i / g.PerBatch;
            var inBatch = i - batch * g.PerBatch;
            g.Output.Store(batch * g.Output.CBatch + inBatch, inBatch - inBatch / g.Output.N * g.Output.N, sum);
        }
    }

    private static TTile Product<TA, TB, TTile, R>(TA a, TB b, ArrayView<Pack4<R>> left, ArrayView<Pack4<R>> right, int from, int to)
        where TA : struct, ITileStage<TA, R> where TB : struct, ITileStage<TB, R> where TTile : struct, ITile<TTile, R> where R : unmanaged, IReal<R>
    {
        var c = TTile.Zero;
        var buffer = 0;
        a.Store(left, 0, a.Fetch(from));
        b.Store(right, 0, b.Fetch(from));
        Group.Barrier();
        for (var k = from; k < to; k += TTile.Inner)
        {
            Pack4<R> x = Pack4<R>.Zero, y = x;
            var more = k + TTile.Inner < to;
            if (more)
            {
                x = a.Fetch(k + TTile.Inner);
                y = b.Fetch(k + TTile.Inner);
            }

            for (int i = 0, at = buffer / 4; i < TTile.Inner; i += 4, at += TTile.Lines + 4)
            {
                const int quarter = 4;
                c = c.Add(left, right, at);
                c = c.Add(left, right, at + (TTile.Lines + 4) / quarter);
                c = c.Add(left, right, at + (TTile.Lines + 4) / quarter * 2);
                c = c.Add(left, right, at + (TTile.Lines + 4) / quarter * 3);
            }

            buffer = TTile.Inner * (TTile.Lines + 4) - buffer;
            if (more)
            {
                a.Store(left, buffer, x);
                b.Store(right, buffer, y);
            }

            Group.Barrier();
        }

        return c;
    }

    private static void Run<TA, TB, TTile, R>(GpuDevice gpu, Tensor like, TA a, TB b, in GemmOutput<R> output, in GemmSizes sizes)
        where TA : struct, ITileStage<TA, R> where TB : struct, ITileStage<TB, R> where TTile : struct, ITile<TTile, R> where R : unmanaged, IReal<R>
    {
        var tiles = sizes.Tiles(TTile.Lines);
        var length = PartLength(tiles, sizes.K);
        var parts = (sizes.K + length - 1) / length;
        var g = new Args<TA, TB, R>
        {
            A = a,
            B = b,
            Output = output,
            K = sizes.K,
            PartLength = length,
            Columns = sizes.Across(sizes.N, TTile.Lines),
            TilesPerBatch = checked((int)(tiles / sizes.Batch)),
            TilesPerPart = checked((int)tiles),
            Items = checked((int)(tiles * parts)),
        };
        using var scratch = parts == 1 ? null : Parts(like, parts, output, sizes, ref g);
        gpu.Launch(Tiled<TA, TB, TTile, R>, Math.Min(gpu.MaxGroups, g.Items), TTile.Threads, g);
        if (scratch is null) { return; }
        var count = g.PartStride;
        gpu.LaunchElements(AddParts<R>, count, new PartArgs<R>
        {
            Parts = scratch.View<R>(),
            Output = output,
            Count = count,
            PartCount = parts,
            PerBatch = sizes.M * sizes.N,
        });
    }

    // The parts' tiles go to scratch memory as they are; bias and activation wait for the sum.
    private static Tensor Parts<TA, TB, R>(Tensor like, int parts, in GemmOutput<R> output, in GemmSizes sizes, ref Args<TA, TB, R> g)
        where TA : struct, ITileStage<TA, R> where TB : struct, ITileStage<TB, R> where R : unmanaged, IReal<R>
    {
        g.PartStride = checked(sizes.Batch * sizes.M * sizes.N);
        var scratch = Tensor.EmptyLike(like, [checked(parts * g.PartStride)]);
        var view = scratch.View<R>();
        g.Output = new GemmOutput<R>
        {
            C = view, Bias = view, Pre = view, M = output.M, N = output.N, CBatch = sizes.M * sizes.N,
        };
        return scratch;
    }

    // Parts of whole steps (16 k divides by each tile's step), long enough that reading and adding them costs little.
    private static int PartLength(long tiles, int k)
    {
        if (tiles > Groups / 2 || k < 2 * LeastPart) { return k; }
        var parts = (int)Math.Min(Groups / tiles, k / LeastPart);
        var length = (k + parts - 1) / parts;
        return (length + 15) / 16 * 16;
    }

    internal struct Args<TA, TB, R> where TA : struct where TB : struct where R : unmanaged, IReal<R>
    {
        public TA A;
        public TB B;
        public GemmOutput<R> Output;
        public int K, PartLength, PartStride, Columns, TilesPerBatch, TilesPerPart, Items;
    }

    internal struct PartArgs<R> where R : unmanaged, IReal<R>
    {
        public ArrayView<R> Parts;
        public GemmOutput<R> Output;
        public int Count, PartCount, PerBatch;
    }
}

/// <summary>C[Batch, M, N] from K products each.</summary>
internal readonly record struct GemmSizes(int Batch, int M, int N, int K)
{
    /// <summary>Tiles of a side that cover C.</summary>
    public long Tiles(int side) => (long)Batch * Across(M, side) * Across(N, side);

    /// <summary>Tiles along an axis.</summary>
    public int Across(int size, int side) => (size + side - 1) / side;
}
