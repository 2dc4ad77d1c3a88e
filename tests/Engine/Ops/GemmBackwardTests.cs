using System;
using System.Linq;
using System.Numerics;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

[Collection(nameof(CpuSettings))]
public sealed unsafe class GemmBackwardTests : IDisposable
{
    private readonly SimdWidth _width = Gemm.Width;
    private readonly int _threads = CpuThreads.Count;

    public static TheoryData<string> Widths => [.. Enum.GetNames<SimdWidth>()];

    public void Dispose() => (Gemm.Width, CpuThreads.Count) = (_width, _threads);

    [Theory, MemberData(nameof(Widths))]
    public void Slope_from_minus_20_to_20_matches_float64(string width)
    {
        Select(width);
        foreach (var activation in Enum.GetValues<GemmActivation>())
        {
            // A few roundings of terms of size 1.
            CheckSlope<float>(activation, 6e-7);
            CheckSlope<double>(activation, 4e-15);
        }
    }

    [Theory, MemberData(nameof(Widths))]
    public void Value_from_minus_20_to_20_has_small_relative_error(string width)
    {
        Select(width);
        foreach (var activation in Enum.GetValues<GemmActivation>())
        {
            // Relative to |y| everywhere, plus u²·ε for what the exponential of a rounded argument loses in the tail.
            CheckValue<float>(activation, 4e-7, 6e-8, -12);
            CheckValue<double>(activation, 1e-14, 2e-16, -20);
        }
    }

    [Theory, MemberData(nameof(Widths))]
    public void Slope_of_extreme_z_is_0_or_1_and_NaN_stays_NaN(string width)
    {
        Select(width);
        float[] z = [float.PositiveInfinity, 1e30f, 100, -100, -1e30f, float.NegativeInfinity, float.NaN], dz = new float[7];
        foreach (var activation in (GemmActivation[])[GemmActivation.GeluErf, GemmActivation.GeluTanh, GemmActivation.QuickGelu])
        {
            var ones = Enumerable.Repeat(1f, 7).ToArray();
            fixed (float* pz = z, py = ones, pd = dz)
            {
                GemmBackward.Activation(activation, 7, py, pz, pd);
            }
            Assert.Equal([1, 1], dz[1..3].Select(v => Math.Round(v, 6)));
            Assert.Equal([0, 0], dz[3..5].Select(v => Math.Round(Math.Abs(v), 6)));
            Assert.True(float.IsNaN(dz[6]), $"{activation}: NaN became {dz[6]}");
        }
    }

    [Theory, MemberData(nameof(Widths))]
    public void ColumnSums_odd_sizes_match_float64(string width)
    {
        Select(width);
        foreach (var (m, n) in ((int, int)[])[(0, 5), (1, 1), (7, 3), (65, 67), (64, 130), (4099, 33), (100, 0)])
        {
            CheckSums<float>(m, n, false);
            CheckSums<double>(m, n, true);
        }
    }

    [Theory, MemberData(nameof(Widths))]
    public void ColumnSums_any_thread_count_gives_the_same_bits(string width)
    {
        Select(width);
        var first = CheckSums<float>(3001, 71, false);
        foreach (var threads in (int[])[1, 2, 5])
        {
            CpuThreads.Count = threads;
            Assert.Equal(first, CheckSums<float>(3001, 71, false));
        }
    }

    [Theory, MemberData(nameof(Widths))]
    public void ActivationAndSums_odd_sizes_agree_with_the_two_passes_for_any_thread_count(string width)
    {
        Select(width);
        foreach (var (m, n) in ((int, int)[])[(0, 5), (1, 1), (17, 3), (65, 67), (130, 64), (2113, 37)])
        {
            foreach (var activation in Enum.GetValues<GemmActivation>())
            {
                var first = CheckFused(activation, m, n);
                foreach (var threads in (int[])[1, 2, 5])
                {
                    CpuThreads.Count = threads;
                    Assert.Equal(first, CheckFused(activation, m, n));
                }
            }
        }
    }

    private static float[] CheckFused(GemmActivation activation, int m, int n)
    {
        var random = new Random(m + n);
        var z = Enumerable.Range(0, m * n + 1).Select(_ => (float)(random.NextDouble() * 6 - 3)).ToArray();
        var dy = Enumerable.Range(0, m * n + 1).Select(_ => (float)(random.NextDouble() * 2 - 1)).ToArray();
        float[] dz = new float[m * n + 1], alone = new float[m * n + 1], sums = new float[n + 1];
        (dz[m * n], alone[m * n], sums[n]) = (-77, -77, -77);
        fixed (float* py = dy, pz = z, pd = dz, pa = alone, ps = sums)
        {
            GemmBackward.Activation(activation, m * n, py, pz, pa);
            GemmBackward.ActivationAndSums(activation, m, n, py, pz, pd, ps, accumulate: false);
        }
        Assert.Equal(alone, dz);
        Assert.Equal(-77, sums[n]);
        for (var j = 0; j < n; j++)
        {
            var expected = Enumerable.Range(0, m).Sum(i => (double)dz[i * n + j]);
            Assert.Equal(expected, sums[j], 6e-8 * (m + 4));
        }
        return sums;
    }

    private static void CheckSlope<T>(GemmActivation activation, double tolerance)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const int N = 40_013;
        var z = Enumerable.Range(0, N).Select(i => T.CreateChecked(-20 + 40.0 * i / N)).ToArray();
        var dy = Enumerable.Range(0, N).Select(i => T.CreateChecked(i % 2 == 0 ? 0.5 : -2)).ToArray();
        var dz = new T[N + 1];
        dz[N] = T.CreateChecked(-77);
        fixed (T* pz = z, py = dy, pd = dz)
        {
            GemmBackward.Activation(activation, N, py, pz, pd);
        }
        Assert.Equal(T.CreateChecked(-77), dz[N]);
        for (var i = 0; i < N; i++)
        {
            var expected = double.CreateChecked(dy[i]) * ActivationOracle.Slope(activation, double.CreateChecked(z[i]));
            var error = Math.Abs(double.CreateChecked(dz[i]) - expected) / Math.Abs(double.CreateChecked(dy[i]));
            Assert.True(error <= tolerance * Math.Max(1, Math.Abs(expected)), $"{activation}'({z[i]}): error {error:E2}");
        }
    }

    // The product of a column of ones by z through the epilogue: y = act(z) for single z.
    private static void CheckValue<T>(GemmActivation activation, double tolerance, double tail, double from)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        const int N = 20_011;
        var z = Enumerable.Range(0, N).Select(i => T.CreateChecked(from + (20 - from) * i / N)).ToArray();
        var (one, y) = (new[] { T.One }, new T[N]);
        fixed (T* pz = z, pa = one, py = y)
        {
            Gemm.Run(new GemmArgs<T>
            {
                M = 1,
                N = N,
                K = 1,
                Batch = 1,
                A = pa,
                ARow = 1,
                ACol = 1,
                B = pz,
                BRow = N,
                BCol = 1,
                C = py,
                CRow = N,
                Alpha = T.One,
                Epilogue = new() { Activation = activation },
            });
        }
        for (var i = 0; i < N; i++)
        {
            // 1 + tanh and friends cancel in the float64 oracle itself where |y| is tiny: there its own error is allowed for.
            var expected = ActivationOracle.Value(activation, double.CreateChecked(z[i]));
            var error = Math.Abs(double.CreateChecked(y[i]) - expected);
            var x = double.CreateChecked(z[i]);
            Assert.True(error <= (tolerance + tail * x * x) * Math.Abs(expected) + 4e-15,
                $"{activation}({z[i]}): {y[i]} for {expected:R}, error {error:E2}");
        }
    }

    private static T[] CheckSums<T>(int m, int n, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var random = new Random(m + n);
        var stride = n + 3;
        var dy = Enumerable.Range(0, m * stride + 1).Select(_ => T.CreateChecked(random.NextDouble() * 2 - 1)).ToArray();
        var sums = Enumerable.Range(0, n + 1).Select(_ => T.CreateChecked(random.NextDouble())).ToArray();
        var before = sums.ToArray();
        fixed (T* py = dy, ps = sums)
        {
            GemmBackward.ColumnSums(m, n, py, stride, ps, accumulate);
        }
        Assert.Equal(before[n], sums[n]);
        for (var j = 0; j < n; j++)
        {
            var expected = accumulate ? double.CreateChecked(before[j]) : 0;
            for (var i = 0; i < m; i++)
            {
                expected += double.CreateChecked(dy[i * stride + j]);
            }
            // √m roundings of partial sums of size √m.
            Assert.Equal(expected, double.CreateChecked(sums[j]), (typeof(T) == typeof(float) ? 6e-8 : 1.2e-16) * (m + 4));
        }
        return sums;
    }

    private static void Select(string width)
    {
        var chosen = Enum.Parse<SimdWidth>(width);
        if (!Gemm.IsSupported(chosen))
        {
            Assert.Skip($"this machine has no {width}");
        }
        Gemm.Width = chosen;
    }
}
