using System;
using System.Runtime.CompilerServices;
using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

/// <summary>C[Batch, M, N] from K products each.</summary>
internal readonly record struct GemmSizes(int Batch, int M, int N, int K)
{
    /// <summary>Tiles of a side that cover C.</summary>
    public long Tiles(int side) => (long)Batch * ((M + side - 1) / side) * ((N + side - 1) / side);
}

/// <summary>How a product is cut into work for groups: tiles of C, and parts of k where tiles are fewer than a GPU's
/// multiprocessors. The cuts depend
/// on sizes only and parts are added in their order, so bits repeat.</summary>
internal struct GemmParts
{
    // Groups that keep a large GPU (108 or 132 multiprocessors) busy: of the large tiles one each, of smaller ones two. With at
    // most half as many tiles, k is split into parts that are long enough for the cost of adding them.
    private const int LargeGroups = 128;
    private const int SmallGroups = 256;
    private const int LargeSide = 128;
    private const int LeastPart = 256;
    private const int LongestStep = 32;

    public int K, Length, Stride, Columns, TilesPerBatch, TilesPerPart, Items, Count;

    private readonly int _m, _n;

    public GemmParts(in GemmSizes sizes, int side)
    {
        var tiles = sizes.Tiles(side);
        (K, _m, _n) = (sizes.K, sizes.M, sizes.N);
        Length = PartLength(tiles, side >= LargeSide ? LargeGroups : SmallGroups, K);
        Count = (K + Length - 1) / Length;
        Stride = Count == 1 ? 0 : checked(sizes.Batch * sizes.M * sizes.N);
        Columns = (sizes.N + side - 1) / side;
        TilesPerBatch = checked((int)(tiles / sizes.Batch));
        TilesPerPart = checked((int)tiles);
        Items = checked((int)(tiles * Count));
    }

    /// <summary>Memory for the parts, or null for a single one.</summary>
    public readonly Storage? Scratch<R>(GpuDevice gpu) where R : unmanaged =>
        Count == 1 ? null : gpu.Allocate(checked((long)Count * Stride) * Unsafe.SizeOf<R>());

    /// <summary>Where groups write: the result, or raw sums to scratch memory; bias and activation then wait for the sum of
    /// parts.</summary>
    public readonly GemmOutput<R> Target<R>(Storage? scratch, in GemmOutput<R> output) where R : unmanaged, IReal<R>
    {
        if (scratch is null) { return output; }
        var view = scratch.View.Cast<R>();
        return new GemmOutput<R> { C = view, Bias = view, Pre = view, M = _m, N = _n, CBatch = _m * _n };
    }

    /// <summary>Adds the parts, if there are any, and gives their memory back.</summary>
    public readonly void Add<R>(GpuDevice gpu, Storage? scratch, in GemmOutput<R> output) where R : unmanaged, IReal<R>
    {
        if (scratch is null) { return; }
        var g = new AddArgs<R> { Parts = scratch.View.Cast<R>(), Output = output, Count = Stride, PartCount = Count, PerBatch = _m * _n };
        gpu.LaunchElements(AddParts<R>, Stride, g);
        scratch.Release();
    }

    internal static void AddParts<R>(AddArgs<R> g) where R : unmanaged, IReal<R>
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

    // Parts of whole steps.
    private static int PartLength(long tiles, int groups, int k)
    {
        if (tiles > groups / 2 || k < 2 * LeastPart) { return k; }
        var parts = (int)Math.Min(groups / tiles, k / LeastPart);
        var length = (k + parts - 1) / parts;
        return (length + LongestStep - 1) / LongestStep * LongestStep;
    }

    internal struct AddArgs<R> where R : unmanaged, IReal<R>
    {
        public ArrayView<R> Parts;
        public GemmOutput<R> Output;
        public int Count, PartCount, PerBatch;
    }
}
