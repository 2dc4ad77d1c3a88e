using System;
using FlorenceKernels.Runtime;
using ILGPU;
using ILGPU.Runtime.Cuda;

namespace FlorenceKernels.Tensors;

/// <summary>Which axis of an operand has neighbours in memory.</summary>
internal interface IAsyncLayout
{
    /// <summary>k, else lines.</summary>
    static abstract bool IsInner { get; }
}

/// <summary>Neighbouring k are neighbours: shared memory holds lines of 32 k.</summary>
internal readonly struct AlongInner : IAsyncLayout
{
    public static bool IsInner => true;
}

/// <summary>Neighbouring lines are neighbours: shared memory holds 32 k of 128 lines, which ldmatrix transposes.</summary>
internal readonly struct AlongLines : IAsyncLayout
{
    public static bool IsInner => false;
}

/// <summary>A BF16 operand: strides, and the last line, in groups of 8 elements along the axis of neighbours.</summary>
internal struct AsyncOperand
{
    public long Address;
    public int LineStride, InnerStride, BatchStride, LastLine, K;
}

// C = A·B of BF16 tensors on the matrix units, f32 sums. Tiles as in GemmMma.Gpu.cs, 32 k a step; operands go from global to
// shared memory by cp.async without passing registers, in a ring of three buffers: two steps are on their way while one is
// computed, one barrier a step. 48 KiB of shared memory, the most that needs no driver call. Past the end of k copies bring
// zeros; lines past the last repeat it, unstored. Error before the one rounding of the result: |c − Σ a·b| ≤ K·2⁻²³ Σ |a·b|;
// products of BF16 are exact in f32. Ladder, counted by the emulator at 1024³: bf16 through registers (GemmMma.Gpu.cs) 22
// million warp instructions, 124 to 128 registers; this 6.8 million, 91 to 95 registers, half the sectors (operands take half
// the bytes), conflicts 0.
internal static class GemmMma16
{
    private const int Threads = 256;
    private const int Lines = 128;
    private const int Step = 32;
    private const int TileBytes = Lines * Step * 2;
    private const int Buffers = 3;

    /// <summary>The product; K is at least 1.</summary>
    public static void Run<TA, TB>(GpuDevice gpu, in AsyncOperand a, in AsyncOperand b, in GemmOutput16 output, in GemmSizes sizes)
        where TA : struct, IAsyncLayout where TB : struct, IAsyncLayout
    {
        var parts = new GemmParts(sizes, Lines);
        var scratch = parts.Scratch<float>(gpu);
        var g = new Args { A = a, B = b, Parts = parts, Output = output };
        if (scratch is not null)
        {
            g.Output.Parts = scratch.View.Cast<float>();
            (g.Output.IsPart, g.Output.CBatch) = (1, sizes.M * sizes.N);
        }
        else
        {
            g.Output.Parts = output.C.SubView(0, output.C.Length & ~1L).Cast<float>();
        }

        gpu.Launch(Multiply<TA, TB>, Math.Min(gpu.MaxGroups, parts.Items), Threads, g);
        if (scratch is null) { return; }
        g.Output.CBatch = output.CBatch;
        var sum = new AddArgs { Output = g.Output, Count = parts.Stride, PartCount = parts.Count, PerBatch = sizes.M * sizes.N };
        gpu.LaunchElements(AddParts, parts.Stride, sum);
        scratch.Release();
    }

    internal static void Multiply<TA, TB>(Args g) where TA : struct, IAsyncLayout where TB : struct, IAsyncLayout
    {
        var shared = SharedMemory.Allocate<Pack4<G32>>(2 * Buffers * TileBytes / 16);
        CudaAsm.Emit(MmaText.Declare);
        for (var item = Grid.IdxX; item < g.Parts.Items; item += Grid.DimX)
        {
            int part = item / g.Parts.TilesPerPart, inPart = item - part * g.Parts.TilesPerPart;
            int batch = inPart / g.Parts.TilesPerBatch, tile = inPart - batch * g.Parts.TilesPerBatch;
            int row = tile / g.Parts.Columns, m = row * Lines, n = (tile - row * g.Parts.Columns) * Lines;
            int from = part * g.Parts.Length, to = from + g.Parts.Length < g.Parts.K ? from + g.Parts.Length : g.Parts.K;
            Product<TA, TB>(g.A, g.B, batch, m, n, from, to);
            Store(g.Output, shared, part * g.Parts.Stride + batch * g.Output.CBatch, m, n);
        }
    }

    internal static void AddParts(AddArgs g)
    {
        for (var i = Grid.IdxX * Group.DimX + Group.IdxX; i < g.Count; i += Grid.DimX * Group.DimX)
        {
            var sum = g.Output.Parts[i];
            for (var part = 1; part < g.PartCount; part++) { sum += g.Output.Parts[i + part * g.Count]; }
            var batch = i / g.PerBatch;
            g.Output.C[batch * g.Output.CBatch + i - batch * g.PerBatch] = GemmOutput16.Round(sum);
        }
    }

    private static void Product<TA, TB>(AsyncOperand a, AsyncOperand b, int batch, int m, int n, int from, int to)
        where TA : struct, IAsyncLayout where TB : struct, IAsyncLayout
    {
        int left = Left<TA>(), right = Buffers * TileBytes + Right<TB>();
        CudaAsm.Emit(MmaText.Clear);
        Copy<TA, TB>(a, b, batch, m, n, from, to, 0);
        Copy<TA, TB>(a, b, batch, m, n, from + Step, to, TileBytes);
        var current = 0;
        for (var k = from; k < to; k += Step)
        {
            CudaAsm.Emit(MmaText.WaitForAllButOne);
            Group.Barrier();
            var next = current == 0 ? (Buffers - 1) * TileBytes : current - TileBytes;
            Copy<TA, TB>(a, b, batch, m, n, k + 2 * Step, to, next);
            Load<TA, TB>(left, right, current);
            CudaAsm.Emit(MmaText.MultiplyBf16);
            Load<TA, TB>(TA.IsInner ? left ^ 32 : left + 16 * 256, TB.IsInner ? right ^ 32 : right + 16 * 256, current);
            CudaAsm.Emit(MmaText.MultiplyBf16);
            current = current == (Buffers - 1) * TileBytes ? 0 : current + TileBytes;
        }

        CudaAsm.Emit(MmaText.WaitForAll);
        Group.Barrier();
    }

    // One group of copies, empty past the end, so that the wait counts the same for every step.
    private static void Copy<TA, TB>(AsyncOperand a, AsyncOperand b, int batch, int m, int n, int k, int to, int buffer)
        where TA : struct, IAsyncLayout where TB : struct, IAsyncLayout
    {
        if (k < to)
        {
            Copy<TA>(a, batch, m, k, buffer, Group.IdxX);
            Copy<TA>(a, batch, m, k, buffer, Group.IdxX + Threads);
            Copy<TB>(b, batch, n, k, Buffers * TileBytes + buffer, Group.IdxX);
            Copy<TB>(b, batch, n, k, Buffers * TileBytes + buffer, Group.IdxX + Threads);
        }

        CudaAsm.Emit(MmaText.CommitCopies);
    }

    // Piece c (16 bytes) of line l lies at piece c ⊕ (l/2 mod 4) of its 64 bytes, or piece c of k at c ⊕ (k mod 8) of its 256:
    // what ldmatrix reads at a time fills all banks.
    private static void Copy<TLayout>(AsyncOperand x, int batch, int firstLine, int k, int buffer, int c)
        where TLayout : struct, IAsyncLayout
    {
        int line = TLayout.IsInner ? firstLine + (c >> 2) : (firstLine >> 3) + (c & 15);
        int inner = k + (TLayout.IsInner ? (c & 3) * 8 : c >> 4);
        var group = (line < x.LastLine ? line : x.LastLine) * x.LineStride + (TLayout.IsInner ? inner >> 3 : inner) * x.InnerStride;
        var inside = inner < x.K;
        var address = x.Address + (long)(batch * x.BatchStride + (inside ? group : 0)) * 16;
        var place = TLayout.IsInner ? (c >> 2) * 64 + ((c & 3 ^ c >> 3 & 3) << 4) : (c >> 4) * 256 + ((c & 15 ^ c >> 4 & 7) << 4);
        CudaAsm.Emit(MmaText.CopyAsync, buffer + place, address, inside ? 16 : 0);
    }

    private static void Load<TA, TB>(int left, int right, int buffer) where TA : struct, IAsyncLayout where TB : struct, IAsyncLayout
    {
        if (TA.IsInner) { CudaAsm.Emit(MmaText.LoadLeft, left + buffer); }
        else { CudaAsm.Emit(MmaText.LoadLeftAcross, left + buffer); }

        if (TB.IsInner) { CudaAsm.Emit(MmaText.LoadRight, right + buffer); }
        else { CudaAsm.Emit(MmaText.LoadRightAcross, right + buffer); }
    }

    // Across: lanes name 8 k each of lines 0–7, lines 8–15, and both again of the next 8 k.
    private static int Left<TLayout>() where TLayout : struct, IAsyncLayout
    {
        int lane = Group.IdxX & 31, k = (lane & 7) + (lane >> 4) * 8, piece = (Group.IdxX >> 7) * 8 + (lane >> 3 & 1);
        return TLayout.IsInner ? GemmMma.LeftPlace() : k * 256 + ((piece ^ lane & 7) << 4);
    }

    // Across: lanes name 8 k each of columns 0–7, the next 8 k, and both again of columns 8–15.
    private static int Right<TLayout>() where TLayout : struct, IAsyncLayout
    {
        int lane = Group.IdxX & 31, k = (lane & 7) + (lane >> 3 & 1) * 8, piece = (Group.IdxX >> 5 & 3) * 4 + (lane >> 4);
        return TLayout.IsInner ? GemmMma.RightPlace() : k * 256 + ((piece ^ lane & 7) << 4);
    }

    private static void Store(GemmOutput16 output, ArrayView<Pack4<G32>> shared, int start, int m, int n)
    {
        var elements = shared.Cast<float>();
        for (var half = 0; half < 2; half++)
        {
            GemmMma.Spread(half);
            Group.Barrier();
            for (var e = Group.IdxX; e < 64 * Lines; e += Threads)
            {
                int row = e >> 7, column = e & (Lines - 1), y = m + half * 64 + row, x = n + column;
                var from = row * Lines + (column ^ (row & 3) << 3);
                if (y < output.M && x < output.N) { output.Store(start + y * output.N + x, elements[from]); }
            }

            Group.Barrier();
        }
    }

    internal struct Args
    {
        public AsyncOperand A, B;
        public GemmParts Parts;
        public GemmOutput16 Output;
    }

    internal struct AddArgs
    {
        public GemmOutput16 Output;
        public int Count, PartCount, PerBatch;
    }
}
