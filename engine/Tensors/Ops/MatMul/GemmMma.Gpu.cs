using System;
using FlorenceKernels.Runtime;
using ILGPU;
using ILGPU.Runtime.Cuda;

namespace FlorenceKernels.Tensors;

// C = act(A·B + bias) of f32 tensors on the matrix units of CUDA devices: operands rounded to tf32 or bf16, products and sums
// in f32. A group of 8 warps makes 128×128 of C, a warp 64×32; per step 64 bytes of inner axis of either operand lie in one of
// two buffers while the next step's elements are on their way to registers. Rounding happens once per element, on the way to
// shared memory. Edges, split-K and sources are those of GemmTiled.Gpu.cs.
// Error: |c − Σ a·b| ≤ (2u + K·2⁻²³) Σ |a·b| with u = 2⁻¹¹ for tf32 and 2⁻⁸ for bf16: both factors are rounded to nearest, sums
// are f32. Ladder, counted by the emulator at 1024³: Tile128 on the arithmetic units 105 million warp instructions, 9.0 million
// turns of shared memory; tf32 27 and 2.2, bf16 22 and 1.2 million. Share of operations by mma 1.00 (parts are added outside:
// 0.9995), bank conflicts 0, sectors 1.00 of what tiles of 128 must move, 1.24 with k split in two. 124 to 128 registers, no
// spills on sm_80 and sm_90. EmitRef instead of named registers would keep the accumulators in local memory at PTX level, which
// the PTX gate refuses.
internal static class GemmMma
{
    /// <summary>Threads of a group.</summary>
    public const int Threads = 256;

    private const int Lines = 128;
    private const int TileBytes = Lines * 64;

    /// <summary>The product; only on CUDA devices with matrix units for tf32 and bf16.</summary>
    public static void Run<TA, TB, TType>(GpuDevice gpu, TA a, TB b, in GemmOutput<G32> output, in GemmSizes sizes)
        where TA : struct, IMmaStage<TA> where TB : struct, IMmaStage<TB> where TType : struct, IMmaType
    {
        var parts = new GemmParts(sizes, Lines);
        var scratch = parts.Scratch<G32>(gpu);
        var g = new Args<TA, TB> { A = a, B = b, Parts = parts, Output = parts.Target(scratch, output) };
        gpu.Launch(Multiply<TA, TB, TType>, Math.Min(gpu.MaxGroups, parts.Items), Threads, g);
        parts.Add(gpu, scratch, output);
    }

    internal static void Multiply<TA, TB, TType>(Args<TA, TB> g)
        where TA : struct, IMmaStage<TA> where TB : struct, IMmaStage<TB> where TType : struct, IMmaType
    {
        var shared = SharedMemory.Allocate<Pack4<G32>>(4 * TileBytes / 16);
        CudaAsm.Emit(MmaText.Declare);
        for (var item = Grid.IdxX; item < g.Parts.Items; item += Grid.DimX)
        {
            int part = item / g.Parts.TilesPerPart, inPart = item - part * g.Parts.TilesPerPart;
            int batch = inPart / g.Parts.TilesPerBatch, tile = inPart - batch * g.Parts.TilesPerBatch;
            int row = tile / g.Parts.Columns, m = row * Lines, n = (tile - row * g.Parts.Columns) * Lines;
            int from = part * g.Parts.Length, to = from + g.Parts.Length < g.Parts.K ? from + g.Parts.Length : g.Parts.K;
            Product<TA, TB, TType>(g.A, g.B, batch, m, n, from, to);
            Store(g.Output, shared, part * g.Parts.Stride + batch * g.Output.CBatch, m, n);
        }
    }

    // Buffers: A's two, then B's two.
    private static void Product<TA, TB, TType>(TA a, TB b, int batch, int m, int n, int from, int to)
        where TA : struct, IMmaStage<TA> where TB : struct, IMmaStage<TB> where TType : struct, IMmaType
    {
        int step = TType.Is16Bit ? 32 : 16, buffer = 0, left = LeftPlace(), right = 2 * TileBytes + RightPlace();
        CudaAsm.Emit(MmaText.Clear);
        a.Store<TType>(0, a.Fetch<TType>(batch, m, from));
        b.Store<TType>(2 * TileBytes, b.Fetch<TType>(batch, n, from));
        Group.Barrier();
        for (var k = from; k < to; k += step)
        {
            var more = k + step < to;
            Pack16 x = default, y = default;
            if (more)
            {
                x = a.Fetch<TType>(batch, m, k + step);
                y = b.Fetch<TType>(batch, n, k + step);
            }

            CudaAsm.Emit(MmaText.Load, left + buffer, right + buffer);
            Multiply<TType>();
            CudaAsm.Emit(MmaText.Load, (left ^ 32) + buffer, (right ^ 32) + buffer);
            Multiply<TType>();
            buffer = TileBytes - buffer;
            if (more)
            {
                a.Store<TType>(buffer, x);
                b.Store<TType>(2 * TileBytes + buffer, y);
            }

            Group.Barrier();
        }
    }

    private static void Multiply<TType>() where TType : struct, IMmaType
    {
        if (TType.Is16Bit) { CudaAsm.Emit(MmaText.MultiplyBf16); }
        else { CudaAsm.Emit(MmaText.MultiplyTf32); }
    }

    // Where this thread's lane starts to read for ldmatrix: lanes 0–15 name 16 rows of the first 16 bytes, lanes 16–31 of the
    // next.
    internal static int LeftPlace()
    {
        int lane = Group.IdxX & 31, row = (Group.IdxX >> 7) * 64 + (lane & 15);
        return row * 64 + ((lane >> 4 ^ lane >> 1 & 3) << 4);
    }

    // Lanes 0–7 name 8 columns of the first 16 bytes, 8–15 of the next, 16–31 the same of the next 8 columns.
    internal static int RightPlace()
    {
        int lane = Group.IdxX & 31, column = (Group.IdxX >> 5 & 3) * 32 + (lane & 7) + (lane >> 4) * 8;
        return column * 64 + ((lane >> 3 & 1 ^ lane >> 1 & 3) << 4);
    }

    // The accumulators pass through shared memory, 64 rows at a time, so that neighbouring threads write neighbouring columns
    // and the code of bias and activation stands once. Column c of row r lies at c ⊕ 8(r mod 4): a half-warp's pairs of 4 rows
    // then hit 32 banks.
    private static void Store(GemmOutput<G32> output, ArrayView<Pack4<G32>> shared, int start, int m, int n)
    {
        var elements = shared.Cast<G32>();
        for (var half = 0; half < 2; half++)
        {
            Spread(half);
            Group.Barrier();
            for (var e = Group.IdxX; e < 64 * Lines; e += Threads)
            {
                int row = e >> 7, column = e & (Lines - 1), y = m + half * 64 + row, x = n + column;
                var from = row * Lines + (column ^ (row & 3) << 3);
                if (y < output.M && x < output.N) { output.Store(start + y * output.N + x, x, elements[from]); }
            }

            Group.Barrier();
        }
    }

    // Accumulators of the warps of this half of the rows to shared memory.
    internal static void Spread(int half)
    {
        if (Group.IdxX >> 7 != half) { return; }
        int lane = Group.IdxX & 31, r = lane >> 2, at = r * 512 + (Group.IdxX >> 5 & 3) * 128 + (lane & 3) * 8, swap = (r & 3) * 32;
        CudaAsm.Emit(MmaText.Spread, at + swap, at + (32 ^ swap), at + (64 ^ swap), at + (96 ^ swap));
    }

    internal struct Args<TA, TB> where TA : struct where TB : struct
    {
        public TA A;
        public TB B;
        public GemmParts Parts;
        public GemmOutput<G32> Output;
    }
}
