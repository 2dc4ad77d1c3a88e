using System;
using System.Linq;
using System.Numerics;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Tests that change the width or thread count of all kernels: one at a time.</summary>
[CollectionDefinition(nameof(CpuSettings), DisableParallelization = true)]
public sealed class CpuSettings;

[Collection(nameof(CpuSettings))]
public sealed class GemmKernelTests : IDisposable
{
    private readonly SimdWidth _width = Gemm.Width;
    private readonly int _threads = CpuThreads.Count;

    public static TheoryData<string, bool> Paths()
    {
        var data = new TheoryData<string, bool>();
        foreach (var width in Enum.GetNames<SimdWidth>())
        {
            data.Add(width, false);
            data.Add(width, true);
        }
        return data;
    }

    public void Dispose() => (Gemm.Width, CpuThreads.Count) = (_width, _threads);

    [Theory, MemberData(nameof(Paths))]
    public void Gemm_sizes_around_tiles_match_float64(string width, bool isDouble)
    {
        Select(width);
        foreach (var (m, n, k) in ((int, int, int)[])[(1, 1, 1), (2, 3, 5), (5, 7, 11), (6, 16, 4), (7, 17, 3), (11, 31, 13),
            (12, 32, 1), (12, 32, 64), (13, 33, 65), (23, 15, 31), (49, 49, 32), (49, 32, 49), (97, 67, 101), (120, 96, 192)])
        {
            foreach (var (transA, transB) in Transpositions)
            {
                Check(isDouble, () => new(m, n, k, transA, transB), () => new(m, n, k, transA, transB));
                Check(isDouble, () => new(m, n, k, transA, transB, gap: 5), () => new(m, n, k, transA, transB, gap: 5));
            }
        }
    }

    [Theory, MemberData(nameof(Paths))]
    public void Gemm_larger_than_every_block_matches_float64(string width, bool isDouble)
    {
        Select(width);
        foreach (var (transA, transB) in Transpositions)
        {
            Check(isDouble, () => new(101, 389, 787, transA, transB, gap: 3), () => new(101, 389, 787, transA, transB, gap: 3));
        }
    }

    [Theory, MemberData(nameof(Paths))]
    public void Gemm_integer_operands_are_exact(string width, bool isDouble)
    {
        Select(width);
        foreach (var (m, n, k) in ((int, int, int)[])[(1, 64, 100), (64, 1, 100), (13, 35, 400), (37, 41, 5003), (101, 103, 107)])
        {
            foreach (var (transA, transB) in Transpositions)
            {
                Check(isDouble, () => new(m, n, k, transA, transB, integers: true, alpha: 2, beta: 3),
                    () => new(m, n, k, transA, transB, integers: true, alpha: 2, beta: 3), exact: true);
            }
        }
    }

    [Theory, MemberData(nameof(Paths))]
    public void Gemm_empty_sizes_scale_C_or_do_nothing(string width, bool isDouble)
    {
        Select(width);
        foreach (var (m, n, k) in ((int, int, int)[])[(0, 3, 4), (3, 0, 4), (3, 35, 0), (1, 35, 0), (35, 1, 0), (0, 0, 0)])
        {
            Check(isDouble, () => new(m, n, k, beta: 0.5, bias: true), () => new(m, n, k, beta: 0.5, bias: true));
            Check(isDouble, () => new(m, n, k), () => new(m, n, k));
        }
    }

    [Theory, MemberData(nameof(Paths))]
    public void Gemm_skinny_operands_match_float64(string width, bool isDouble)
    {
        Select(width);
        foreach (var (m, n, k) in ((int, int, int)[])[(1, 769, 301), (1, 5, 3001), (771, 1, 303),
            (3, 1, 3001), (700, 300, 1), (1, 1, 999)])
        {
            foreach (var (transA, transB) in Transpositions)
            {
                Check(isDouble,
                    () => new(m, n, k, transA, transB, gap: 2, alpha: 1.5, beta: -0.5, bias: true, pre: true,
                        activation: GemmActivation.GeluErf),
                    () => new(m, n, k, transA, transB, gap: 2, alpha: 1.5, beta: -0.5, bias: true, pre: true,
                        activation: GemmActivation.GeluErf));
            }
        }
    }

    [Theory, MemberData(nameof(Paths))]
    public void Gemm_batches_match_float64(string width, bool isDouble)
    {
        Select(width);
        foreach (var (m, n, k) in ((int, int, int)[])[(49, 49, 32), (49, 32, 49), (5, 3, 2), (1, 33, 20), (70, 80, 90)])
        {
            foreach (var (transA, transB) in Transpositions)
            {
                foreach (var broadcast in (bool[])[false, true])
                {
                    Check(isDouble, () => new(m, n, k, transA, transB, batch: 9, broadcastB: broadcast, gap: 3),
                        () => new(m, n, k, transA, transB, batch: 9, broadcastB: broadcast, gap: 3));
                }
            }
        }
    }

    [Theory, MemberData(nameof(Paths))]
    public void Gemm_epilogues_match_float64(string width, bool isDouble)
    {
        Select(width);
        foreach (var activation in Enum.GetValues<GemmActivation>())
        {
            for (var bits = 0; bits < 16; bits++)
            {
                var (bias, pre, residual) = ((bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0);
                var (alpha, beta) = (bits & 8) != 0 ? (0.5, 1.5) : (1.0, 0.0);
                foreach (var k in (int[])[19, 450])
                {
                    Check(isDouble,
                        () => new(25, 51, k, transB: true, gap: 1, alpha: alpha, beta: beta, bias: bias, activation: activation,
                            pre: pre, residual: residual),
                        () => new(25, 51, k, transB: true, gap: 1, alpha: alpha, beta: beta, bias: bias, activation: activation,
                            pre: pre, residual: residual));
                }
            }
        }
    }

    [Theory, MemberData(nameof(Paths))]
    public void Gemm_split_inner_size_matches_float64(string width, bool isDouble)
    {
        Select(width);
        foreach (var k in (int[])[2048, 9011])
        {
            Check(isDouble,
                () => new(19, 45, k, transA: true, gap: 3, beta: 1),
                () => new(19, 45, k, transA: true, gap: 3, beta: 1));
            Check(isDouble,
                () => new(13, 37, k, transB: true, bias: true, residual: true, pre: true, activation: GemmActivation.QuickGelu),
                () => new(13, 37, k, transB: true, bias: true, residual: true, pre: true, activation: GemmActivation.QuickGelu));
        }
    }

    [Theory, MemberData(nameof(Paths))]
    public void Gemm_any_thread_count_gives_the_same_bits(string width, bool isDouble)
    {
        Select(width);
        foreach (var (m, n, k, batch) in ((int, int, int, int)[])[(301, 211, 67, 1), (307, 29, 400, 1), (33, 65, 4099, 1), (49, 49, 32, 33),
            (1, 1000, 999, 1), (1000, 1, 999, 1), (300, 50, 500, 2)])
        {
            if (isDouble)
            {
                SameBits(() => new GemmCase<double>(
                    m, n, k, transB: true, batch: batch, bias: true, alpha: 0.7, activation: GemmActivation.GeluErf));
            }
            else
            {
                SameBits(() => new GemmCase<float>(
                    m, n, k, transB: true, batch: batch, bias: true, alpha: 0.7, activation: GemmActivation.GeluErf));
            }
        }
    }

    [Fact]
    public void Gemm_steady_state_allocates_nothing()
    {
        using var one = new GemmCase<float>(150, 160, 170, bias: true);
        using var two = new GemmCase<float>(20, 30, 4000);
        Gemm.Run(one.Args);
        Gemm.Run(two.Args);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Gemm.Run(one.Args);
        Gemm.Run(two.Args);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Gemm_negative_size_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Gemm.Run(new GemmArgs<float> { M = -1, N = 1, K = 1, Batch = 1 }));
    }

    private static (bool, bool)[] Transpositions => [(false, false), (false, true), (true, false), (true, true)];

    private static void Select(string width)
    {
        var chosen = Enum.Parse<SimdWidth>(width);
        if (!Gemm.IsSupported(chosen))
        {
            Assert.Skip($"this machine has no {width}");
        }
        Gemm.Width = chosen;
    }

    private static void Check(bool isDouble, Func<GemmCase<float>> single, Func<GemmCase<double>> twice, bool exact = false)
    {
        if (isDouble)
        {
            using var row = twice();
            row.RunAndCheck(exact);
        }
        else
        {
            using var row = single();
            row.RunAndCheck(exact);
        }
    }

    private static void SameBits<T>(Func<GemmCase<T>> make)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        double[]? first = null;
        foreach (var threads in (int[])[1, 2, 3, 5])
        {
            CpuThreads.Count = threads;
            using var row = make();
            row.RunAndCheck();
            first ??= row.ReadC();
            Assert.True(first.SequenceEqual(row.ReadC()), $"{threads} threads give other bits than 1");
        }
    }
}
