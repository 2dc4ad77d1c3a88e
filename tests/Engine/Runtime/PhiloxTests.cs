using System;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class PhiloxTests
{
    // Known answers of philox4x32-10 from Random123's kat_vectors: counter words c0..c3, key words k0, k1.
    [Fact]
    public void At_gives_the_known_answers_of_Random123()
    {
        Assert.Equal(new Philox4(0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8), Philox.At(0, 0, 0));
        Assert.Equal(new Philox4(0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD), Philox.At(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue));
        // Counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0.
        Assert.Equal(new Philox4(0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
            Philox.At(0x299F31D0A4093822, 0x0370734413198A2E, 0x85A308D3243F6A88));
    }

    [Fact]
    public void Word_reads_the_blocks_in_order()
    {
        var block = Philox.At(7, 3, 5);
        Assert.Equal([block.X, block.Y, block.Z, block.W], Enumerable.Range(20, 4).Select(i => Philox.Word(7, 3, (ulong)i)));
    }

    [Fact]
    public void Uniform_stays_below_one()
    {
        Assert.Equal(0f, Philox.Uniform(0));
        Assert.Equal(1 - MathF.Pow(2, -24), Philox.Uniform(uint.MaxValue));
    }

    [Fact]
    public void Streams_and_seeds_are_unrelated()
    {
        double[] Draw(ulong seed, ulong stream) => Tensor.Uniform([20_000], -1, 1, seed, stream, DType.F64).ToArray<double>();
        double[] a = Draw(1, 0), b = Draw(1, 1), c = Draw(2, 0);
        double Correlation(double[] x, double[] y) => 3 * x.Zip(y, (p, q) => p * q).Sum() / x.Length;
        // Standard error 1/√20000 = 0.007.
        Assert.InRange(Correlation(a, b), -0.03, 0.03);
        Assert.InRange(Correlation(a, c), -0.03, 0.03);
        Assert.InRange(Correlation(a, a), 0.97, 1.03);
    }

    [Fact]
    public void Normal_has_the_mean_and_deviation_asked_for()
    {
        var x = Tensor.Normal([40_000], 2, 3, seed: 5, dtype: DType.F64).ToArray<double>();
        Assert.InRange(x.Average(), 2 - 0.06, 2 + 0.06);
        Assert.InRange(Math.Sqrt(x.Average(v => (v - 2) * (v - 2))), 3 - 0.05, 3 + 0.05);
        Assert.InRange(x.Count(v => Math.Abs(v - 2) < 3) / 40_000.0, 0.6827 - 0.01, 0.6827 + 0.01);
    }

    public static TheoryData<string> Devices => [.. TestDevices.Names];

    [Theory, MemberData(nameof(Devices))]
    public void RandomUniform_draws_on_the_device_what_the_host_draws(string name)
    {
        using var scope = TensorScope.Begin();
        var device = TestDevices.Open(name);
        var there = F.RandomUniform([3, 333], -1, 2, 99, 4, DType.F32, device).ToArray<float>();
        Assert.Equal(Tensor.Uniform([3, 333], -1, 2, 99, 4).ToArray<float>(), there, (a, b) => Math.Abs(a - b) <= 1.2e-7f);
    }
}
