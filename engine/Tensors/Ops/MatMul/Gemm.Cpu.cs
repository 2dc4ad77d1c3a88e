using System;
using System.Numerics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>The widths for which the kernels are compiled.</summary>
internal enum SimdWidth
{
    Vector128,
    Avx2,
    Avx512,
}

/// <summary>Matrix products on the CPU for float and double. See <see cref="GemmArgs{T}"/> for what is computed.</summary>
internal static class Gemm
{
    /// <summary>The width in use: the widest the machine has, or FLORENCE_SIMD = avx512 | avx2 | vector128.</summary>
    /// <remarks>Tests set it. Widths differ in nothing but speed and the rounding of a machine without fused
    /// multiply-add.</remarks>
    public static SimdWidth Width { get; set; } = ChosenWidth();

    public static bool IsSupported(SimdWidth width) => width switch
    {
        SimdWidth.Avx512 => Vector512.IsHardwareAccelerated && Avx512F.IsSupported && Avx512DQ.IsSupported,
        SimdWidth.Avx2 => Avx2.IsSupported && Fma.IsSupported,
        _ => true,
    };

    /// <summary>Computes every matrix of the batch on all threads; returns when C is complete.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A size is negative.</exception>
    public static void Run<T>(in GemmArgs<T> args)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegative(args.M);
        ArgumentOutOfRangeException.ThrowIfNegative(args.N);
        ArgumentOutOfRangeException.ThrowIfNegative(args.K);
        ArgumentOutOfRangeException.ThrowIfNegative(args.Batch);
        if (args.M == 0 || args.N == 0 || args.Batch == 0)
        {
            return;
        }
        switch (Width)
        {
            case SimdWidth.Avx512: GemmRegion<Lanes512<T>, Vector512<T>, T>.Run(args); break;
            case SimdWidth.Avx2: GemmRegion<Lanes256<T>, Vector256<T>, T>.Run(args); break;
            default: GemmRegion<Lanes128<T>, Vector128<T>, T>.Run(args); break;
        }
    }

    private static SimdWidth ChosenWidth()
    {
        var asked = Environment.GetEnvironmentVariable("FLORENCE_SIMD");
        foreach (var width in (ReadOnlySpan<SimdWidth>)[SimdWidth.Avx512, SimdWidth.Avx2, SimdWidth.Vector128])
        {
            var isAsked = string.IsNullOrEmpty(asked)
                || string.Equals(asked, width.ToString(), StringComparison.OrdinalIgnoreCase);
            if (isAsked && IsSupported(width))
            {
                return width;
            }
        }
        throw new PlatformNotSupportedException(
            $"FLORENCE_SIMD is \"{asked}\", which is not avx512, avx2 or vector128, or this machine lacks it: unset it.");
    }
}

/// <summary>One product spread over the threads: cuts it by its plan, runs the tasks, adds the parts of a split K.</summary>
internal sealed unsafe class GemmRegion<TL, TV, T>
    where TL : struct, ILanes<TV, T>
    where TV : unmanaged
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const long SharedBytes = 16 << 20; // half an L3; a larger B is packed by each task, in blocks

    [ThreadStatic] private static GemmRegion<TL, TV, T>? t_region;

    private readonly Action<int> _product;
    private readonly Action<int> _sum;
    private readonly Action<int> _pack;
    private readonly Action<int> _dots;
    private GemmArgs<T> _args;
    private GemmPlan _plan;
    private T* _partials;     // [InnerParts, M, N]
    private int _sumRows;

    private GemmRegion() => (_product, _sum, _pack, _dots) = (Product, SumRows, PackPanel, DotColumns);

    public static void Run(in GemmArgs<T> args)
    {
        if (args.N == 1 && args.M > 1 && args.CRow == 1 && args.Batch == 1 && args.Epilogue.Bias is null)
        {
            Run(Transposed(args));
            return;
        }
        if (GemmDot<TL, TV, T>.Suits(args))
        {
            (t_region ??= new GemmRegion<TL, TV, T>()).Dots(args);
            return;
        }
        var region = t_region ??= new GemmRegion<TL, TV, T>();
        region._args = args;
        region._args.InnerBytes = GemmBlock<TL, TV, T>.InnerBytesFor(args);
        region._args.StreamsC = args.ShouldStreamC;
        var columnsPerBlock = GemmBlock<TL, TV, T>.ColumnsPerBlock(region._args.InnerBytes);
        var plan = region._plan = GemmPlan.For(args, TL.TileRows, GemmBlock<TL, TV, T>.TileColumns, columnsPerBlock);
        var tasks = plan.TasksFor(args.Batch);
        if (plan.InnerParts > 1)
        {
            region.SplitInner(tasks);
        }
        else
        {
            region.PackB();
            CpuThreads.For(tasks, region._product);
        }
    }

    // Where several tasks need the same columns of B, all threads pack it once for all.
    private void PackB()
    {
        var columns = GemmBlock<TL, TV, T>.TileColumns;
        var panels = (_args.N + columns - 1) / columns;
        var bytes = (long)panels * columns * _args.K * sizeof(T);
        if (_args.Batch > 1 || _plan.RowParts < 2 || bytes > SharedBytes || bytes == 0 || !GemmBlock<TL, TV, T>.ShouldPack(_args))
        {
            return;
        }
        _args.PackedB = (T*)GemmScratch.Partials((nuint)bytes);
        _args.PackedN = panels * columns;
        CpuThreads.For(panels, _pack);
    }

    private void PackPanel(int panel) => GemmBlock<TL, TV, T>.PackShared(_args, panel * GemmBlock<TL, TV, T>.TileColumns);

    // A contiguous column C = A·b is the row Cᵀ = bᵀ·Aᵀ: one kind of thin product instead of two.
    private static GemmArgs<T> Transposed(in GemmArgs<T> g)
    {
        var row = g;
        (row.M, row.N, row.CRow) = (1, g.M, g.M);
        row.A = g.B;
        row.B = g.A;
        (row.ARow, row.ACol, row.BRow, row.BCol) = (g.BCol, g.BRow, g.ACol, g.ARow);
        return row;
    }

    private void Dots(in GemmArgs<T> args)
    {
        _args = args;
        const int columns = GemmDot<TL, TV, T>.ColumnsPerTask;
        CpuThreads.For((args.N + columns - 1) / columns, _dots);
    }

    private void DotColumns(int task) => GemmDot<TL, TV, T>.Run(_args, task * GemmDot<TL, TV, T>.ColumnsPerTask);

    private void SplitInner(int tasks)
    {
        // One vector beyond the end: the last row is read in whole vectors.
        var elements = (long)_plan.InnerParts * _args.M * _args.N + TL.Count;
        _partials = (T*)GemmScratch.Partials((nuint)(elements * sizeof(T)));
        CpuThreads.For(tasks, _product);
        _sumRows = Math.Max(1, 16384 / _args.N);
        CpuThreads.For((_args.M + _sumRows - 1) / _sumRows, _sum);
    }

    private void Product(int task)
    {
        var (rest, columnPart) = Math.DivRem(task, _plan.ColumnParts);
        (rest, var rowPart) = Math.DivRem(rest, _plan.RowParts);
        var (batchPart, innerPart) = Math.DivRem(rest, _plan.InnerParts);
        int m = rowPart * _plan.Rows, n = columnPart * _plan.Columns, k = innerPart * _plan.Inner;
        int rows = Math.Min(_plan.Rows, _args.M - m), columns = Math.Min(_plan.Columns, _args.N - n);
        var inner = Math.Min(_plan.Inner, _args.K - k);
        var end = Math.Min(_args.Batch, (batchPart + 1) * _plan.Matrices);
        for (var batch = batchPart * _plan.Matrices; batch < end; batch++)
        {
            var part = _args.Part(batch, m, rows, n, columns, k, inner);
            if (_plan.InnerParts > 1)
            {
                part.C = _partials + ((long)innerPart * _args.M + m) * _args.N + n;
                part.StreamsC = false;
                (part.CRow, part.Alpha, part.Beta, part.Epilogue) = (_args.N, T.One, T.Zero, default);
            }
            GemmBlock<TL, TV, T>.Run(part);
        }
    }

    private void SumRows(int task)
    {
        var (m, n) = (task * _sumRows, _args.N);
        var rows = Math.Min(_sumRows, _args.M - m);
        var sum = _partials + (long)m * n;
        for (var part = 1; part < _plan.InnerParts; part++)
        {
            var next = sum + (long)part * _args.M * n;
            for (var i = 0L; i < (long)rows * n; i += TL.Count)
            {
                var count = (long)rows * n - i;
                var total = TL.Add(TL.Load(sum + i), TL.Load(next + i));
                GemmFinish<TL, TV, T>.Store(sum + i, total, count);
            }
        }
        GemmFinish<TL, TV, T>.Tile(_args, sum, n, m, rows, 0, n, true, true);
    }
}
