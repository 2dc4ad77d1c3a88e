using System;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class NumberFormatTests
{
    private static readonly double[] Awkward =
    [
        0, -0.0, 1, -2.7, 255.5, -1, 1e20, -1e20, double.NaN, double.PositiveInfinity, double.NegativeInfinity,
        65504, 65519, 65520, 1e-7, 6e-8, 2.9e-8, 3.1e-8,
        -6.1e-5, 1.0 / 3, 3e9, 1.00048828125, 1.00146484375, 1e-40, 3.4e38,
    ];

    public static TheoryData<string> Devices => [.. TestDevices.Names];

    [Theory]
    [InlineData(1f, 0x3F80)]
    [InlineData(-2f, 0xC000)]
    [InlineData(1.00390625f, 0x3F80)] // halfway between 1 and the next, 1.0078125: to even
    [InlineData(1.01171875f, 0x3F82)] // halfway between 1.0078125 and 1.015625: to even
    [InlineData(1.003907f, 0x3F81)]
    [InlineData(3.4028235e38f, 0x7F80)] // rounds up to infinity
    [InlineData(float.PositiveInfinity, 0x7F80)]
    [InlineData(-0f, 0x8000)]
    [InlineData(1e-40f, 0x0001)] // subnormal
    public void BFloat16_rounds_to_nearest_even(float value, int bits) => Assert.Equal((ushort)bits, ((BFloat16)value).Bits);

    [Fact]
    public void BFloat16_keeps_NaN_whose_payload_lies_in_the_lost_bits()
    {
        var nan = BitConverter.UInt32BitsToSingle(0x7F800001);
        Assert.True(float.IsNaN((BFloat16)nan));
    }

    [Fact]
    public void BFloat16_round_trips_all_bit_patterns()
    {
        for (var bits = 0; bits <= ushort.MaxValue; bits++)
        {
            float value = new BFloat16((ushort)bits);
            if (!float.IsNaN(value)) { Assert.Equal((ushort)bits, ((BFloat16)value).Bits); }
        }
    }

    [Fact]
    public void F16_by_integer_arithmetic_is_the_runtime_half()
    {
        using var scope = TensorScope.Begin();
        var all = Enumerable.Range(0, ushort.MaxValue + 1).Select(b => BitConverter.UInt16BitsToHalf((ushort)b)).ToArray();
        Assert.Equal(all.Select(h => (double)h), Tensor.From(all, [all.Length]).To(DType.F64).ToArray<double>());
        var values = Tensor.Uniform([50_000], -20, 17, seed: 3, dtype: DType.F64).ToArray<double>()
            .Select((e, i) => (i % 2 * 2 - 1) * Math.Pow(2, e)).ToArray();
        var expected = values.Select(v => (Half)(float)v).ToArray();
        Assert.Equal(expected, Tensor.From(values, [values.Length]).To(DType.F16).ToArray<Half>());
    }

    [Theory, MemberData(nameof(Devices))]
    public void Casts_between_all_types_agree_with_the_host(string name)
    {
        using var scope = TensorScope.Begin();
        var device = TestDevices.Open(name);
        var there = Tensor.From(Awkward, [Awkward.Length], device);
        var here = Tensor.From(Awkward, [Awkward.Length]);
        foreach (var first in Enum.GetValues<DType>())
        {
            foreach (var second in Enum.GetValues<DType>())
            {
                var expected = here.To(first).To(second).To(DType.F64).ToArray<double>();
                Assert.Equal(expected, there.To(first).To(second).To(DType.F64).ToArray<double>());
            }
        }
    }

    [Fact]
    public void Casts_to_integers_saturate_and_make_NaN_zero()
    {
        using var scope = TensorScope.Begin();
        var x = Tensor.From([double.NaN, 1e20, -1e20, -2.7, 3.9], [5]);
        Assert.Equal([0, int.MaxValue, int.MinValue, -2, 3], x.To(DType.I32).ToArray<int>());
        Assert.Equal([0, long.MaxValue, long.MinValue, -2, 3], x.To(DType.I64).ToArray<long>());
    }
}
