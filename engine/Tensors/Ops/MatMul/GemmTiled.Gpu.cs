using System;
using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// C = act(A·B + bias) by tiles in shared memory, for any operands that are sources (GemmSource.Gpu.cs). A group makes a tile of
// C; per step it holds Inner k of both operands in one of two buffers while the next step's elements are on their way to
// registers, so one barrier a step suffices. Where the tiles of C are few and k is long (weight gradients), k is split
// (GemmParts.Gpu.cs). Ladder, counted by the emulator; sectors of 32 bytes over operands and result once, predicted / counted:
// RegisterTile4x4 at 256³ 92; Tile64 3.0 / 3.0 (4 + 4 + 1 times a matrix of three), which is 1.00 of what tiles of 64 must
// move; Tile128 at 1024³ 5.67 / 5.67, 1.00 of its tiles, 7.0 with k split in two. Bank conflicts 0 in all. Registers on sm_80
// 72 to 90 of Tile64, no spills. Tried and dropped: storing each thread's 4×4 straight to C (4 times the sectors where rows are
// no multiples of 16 bytes; bias and activation 64 times in the code).
internal static class GemmTiled
{
    // Tiles of 128 that keep a large GPU busy; with fewer, smaller tiles do.
    private const int EnoughTiles = 64;

    /// <summary>Whether tiles suit: below, most of a tile lies past the edge.</summary>
    public static bool Suits(in GemmSizes sizes) => sizes.M > 16 && sizes.N > 16 && sizes.K >= 8;

    /// <summary>The product.</summary>
    /// <param name="gpu">Device.</param> <param name="a">Rows.</param>
    /// <param name="b">Columns.</param> <param name="output">Result.</param> <param name="sizes">K at least 1.</param>
    public static void Run<TA, TB, R>(GpuDevice gpu, TA a, TB b, in GemmOutput<R> output, in GemmSizes sizes)
        where TA : struct, ITileStage<TA, R> where TB : struct, ITileStage<TB, R> where R : unmanaged, IReal<R>
    {
        if (gpu.MaxGroupSize < Tile64<R>.Threads) { Run<TA, TB, Tile16<R>, R>(gpu, a, b, output, sizes); }
        else if (typeof(R) == typeof(G32) && sizes.Tiles(Tile128<R>.Lines) >= EnoughTiles)
        {
            Run<TA, TB, Tile128<R>, R>(gpu, a, b, output, sizes);
        }
        else { Run<TA, TB, Tile64<R>, R>(gpu, a, b, output, sizes); }
    }

    internal static void Tiled<TA, TB, TTile, R>(Args<TA, TB, R> g)
        where TA : struct, ITileStage<TA, R> where TB : struct, ITileStage<TB, R> where TTile : struct, ITile<TTile, R>
        where R : unmanaged, IReal<R>
    {
        var left = SharedMemory.Allocate<Pack4<R>>(2 * TTile.Inner * (TTile.Lines + 4) / 4);
        var right = SharedMemory.Allocate<Pack4<R>>(2 * TTile.Inner * (TTile.Lines + 4) / 4);
        for (var item = Grid.IdxX; item < g.Parts.Items; item += Grid.DimX)
        {
            int part = item / g.Parts.TilesPerPart, inPart = item - part * g.Parts.TilesPerPart;
            int batch = inPart / g.Parts.TilesPerBatch, tile = inPart - batch * g.Parts.TilesPerBatch;
            int row = tile / g.Parts.Columns, m = row * TTile.Lines, n = (tile - row * g.Parts.Columns) * TTile.Lines;
            int from = part * g.Parts.Length, to = from + g.Parts.Length < g.Parts.K ? from + g.Parts.Length : g.Parts.K;
            var c = Product<TA, TB, TTile, R>(g.A.At<TTile>(batch, m), g.B.At<TTile>(batch, n), left, right, from, to);
            c.Store(g.Output, left, part * g.Parts.Stride + batch * g.Output.CBatch, m, n);
        }
    }

    private static TTile Product<TA, TB, TTile, R>(TA a, TB b, ArrayView<Pack4<R>> left, ArrayView<Pack4<R>> right, int from, int to)
        where TA : struct, ITileStage<TA, R> where TB : struct, ITileStage<TB, R> where TTile : struct, ITile<TTile, R>
        where R : unmanaged, IReal<R>
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

    private static void Run<TA, TB, TTile, R>(GpuDevice gpu, TA a, TB b, in GemmOutput<R> output, in GemmSizes sizes)
        where TA : struct, ITileStage<TA, R> where TB : struct, ITileStage<TB, R> where TTile : struct, ITile<TTile, R>
        where R : unmanaged, IReal<R>
    {
        var parts = new GemmParts(sizes, TTile.Lines);
        var scratch = parts.Scratch<R>(gpu);
        var g = new Args<TA, TB, R> { A = a, B = b, Parts = parts, Output = parts.Target(scratch, output) };
        gpu.Launch(Tiled<TA, TB, TTile, R>, Math.Min(gpu.MaxGroups, parts.Items), TTile.Threads, g);
        parts.Add(gpu, scratch, output);
    }

    internal struct Args<TA, TB, R> where TA : struct where TB : struct where R : unmanaged, IReal<R>
    {
        public TA A;
        public TB B;
        public GemmParts Parts;
        public GemmOutput<R> Output;
    }
}
