using System;
using System.Linq;
using FlorenceKernels.OpCases;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Products on matrix units against f64 products of the same numbers, within what rounding the operands and f32 sums
/// allow:
/// |c − Σ a·b| ≤ (2u + u² + K·2⁻²³) Σ |a·b|.</summary>
public sealed class MatMulPrecisionTests
{
    private static readonly (MatMulPrecision Precision, double Rounding)[] Roundings =
        [(MatMulPrecision.High, 1.0 / 2048), (MatMulPrecision.Medium, 1.0 / 256)];

    // m, k, n past tiles, steps and parts; transposed operands reach all four ways to stage, sizes of 4 and 8 the vector loads.
    public static TheoryData<int, int, int, bool, bool> Sizes => new()
    {
        { 65, 129, 67, false, false }, { 136, 40, 144, false, false }, { 136, 40, 144, true, false }, { 136, 40, 144, false, true },
        { 136, 40, 144, true, true },
        { 35, 36, 37, true, true }, { 33, 1040, 40, false, false }, { 40, 1040, 24, true, true }, { 17, 8, 17, false, false },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Product_in_lower_precision_errs_within_the_mantissa(int m, int k, int n, bool isTransposedA, bool isTransposedB)
    {
        var device = MatrixUnits();
        using var scope = TensorScope.Begin();
        Tensor a = Matrix(m, k, isTransposedA, 1, device), b = Matrix(k, n, isTransposedB, 2, device);
        var highest = F.MatMul(a, b).ToArray<float>();
        foreach (var (precision, rounding) in Roundings)
        {
            var (c, again) = In(device, precision, () => (F.MatMul(a, b).ToArray<float>(), F.MatMul(a, b).ToArray<float>()));
            Assert.Equal(c, again);
            Assert.NotEqual(highest, c);
            AssertNear([.. c.Select(x => (double)x)], a, b, 2 * rounding + rounding * rounding, 0);
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Product_of_bf16_is_rounded_once(int m, int k, int n, bool isTransposedA, bool isTransposedB)
    {
        foreach (var device in new[] { Device.Cpu, MatrixUnits() })
        {
            using var scope = TensorScope.Begin();
            Tensor a = Half(Matrix(m, k, isTransposedA, 1, device)), b = Half(Matrix(k, n, isTransposedB, 2, device));
            var c = F.MatMul(a, b);
            Assert.Equal(DType.BF16, c.DType);
            AssertNear(c.To(DType.F64).ToArray<double>(), a, b, 0, 1.0 / 256);
        }
    }

    [Fact]
    public void Backward_and_linear_follow_the_precision_of_the_device()
    {
        var device = MatrixUnits();
        using var scope = TensorScope.Begin();
        Tensor x = Matrix(40, 48, false, 1, device), w = Matrix(56, 48, false, 2, device), bias =
            Matrix(1, 56, false, 3, device).Reshape(56);
        float[][] Gradients() => [.. new Func<float[]>[] { () => Gradient(0), () => Gradient(1), () => Gradient(2) }.Select(f => f())];
        float[] Gradient(int of)
        {
            Tensor[] leaves = [x.Clone(), w.Clone(), bias.Clone()];
            foreach (var leaf in leaves) { leaf.RequiresGrad = true; }
            F.Linear(leaves[0], leaves[1], leaves[2], Activation.GeluErf).Backward(Matrix(40, 56, false, 4, device));
            return leaves[of].Grad!.ToArray<float>();
        }

        var exact = Gradients();
        var rounded = In(device, MatMulPrecision.High, Gradients);
        for (var i = 0; i < exact.Length; i++)
        {
            Assert.NotEqual(exact[i], rounded[i]);
            var scale = exact[i].Max(Math.Abs);
            for (var j = 0; j < exact[i].Length; j++) { Assert.InRange(rounded[i][j] - exact[i][j], -4e-3f * scale, 4e-3f * scale); }
        }
    }

    [Fact]
    public void Gradients_of_bf16_products_are_bf16_products()
    {
        foreach (var device in new[] { Device.Cpu, MatrixUnits() })
        {
            using var scope = TensorScope.Begin();
            Tensor a = Half(Matrix(24, 16, false, 1, device)), b = Half(Matrix(16, 32, false, 2, device));
            Tensor dy = Half(Matrix(24, 32, false, 3, device));
            a.RequiresGrad = b.RequiresGrad = true;
            F.MatMul(a, b).Backward(dy);
            AssertNear(a.Grad!.To(DType.F64).ToArray<double>(), dy, b.Detach().T(), 0, 1.0 / 256);
            AssertNear(b.Grad!.To(DType.F64).ToArray<double>(), a.Detach().T(), dy, 0, 1.0 / 256);
        }
    }

    [Fact]
    public void Batches_of_bf16_broadcast()
    {
        var device = MatrixUnits();
        using var scope = TensorScope.Begin();
        Tensor a = Half(Tensor.Uniform([2, 1, 24, 16], -1, 1, seed: 1, device: device));
        Tensor b = Half(Tensor.Uniform([3, 16, 40], -1, 1, seed: 2, device: device));
        var c = F.MatMul(a, b).To(DType.F64).ToArray<double>();
        var expected = F.MatMul(a.To(Device.Cpu).To(DType.F64), b.To(Device.Cpu).To(DType.F64)).ToArray<double>();
        Assert.Equal(expected.Length, c.Length);
        for (var i = 0; i < c.Length; i++) { Assert.InRange(c[i] - expected[i], -0.05, 0.05); }
    }

    [Fact]
    public void A_device_without_matrix_units_refuses_lower_precision()
    {
        var device = (GpuDevice)Device.Open("simulator");
        Assert.Equal(MatMulPrecision.Highest, device.Float32MatMulPrecision);
        var refused = Assert.Throws<DeviceException>(() => device.Float32MatMulPrecision = MatMulPrecision.High);
        Assert.Contains("simulator: High needs matrix units", refused.Message);
        device.Float32MatMulPrecision = MatMulPrecision.Highest;
    }

    private static GpuDevice MatrixUnits()
    {
        var found = TestDevices.Names.Select(TestDevices.Open).OfType<GpuDevice>().FirstOrDefault(d => d.HasMatrixUnits);
        Assert.SkipWhen(found is null, "no CUDA device or emulator with matrix units");
        return found!;
    }

    private static T In<T>(GpuDevice device, MatMulPrecision precision, Func<T> run)
    {
        device.Float32MatMulPrecision = precision;
        try { return run(); }
        finally { device.Float32MatMulPrecision = MatMulPrecision.Highest; }
    }

    private static Tensor Matrix(int rows, int columns, bool isTransposed, ulong seed, Device device) => isTransposed
        ? Tensor.Uniform([columns, rows], -1, 1, seed: seed, device: device).T()
        : Tensor.Uniform([rows, columns], -1, 1, seed: seed, device: device);

    // Keeps the strides.
    private static Tensor Half(Tensor x) => x.IsContiguous ? x.To(DType.BF16) : x.T().To(DType.BF16).T();

    private static void AssertNear(double[] c, Tensor a, Tensor b, double perProduct, double perResult)
    {
        Nd x = Host(a), y = Host(b);
        var k = x.Shape[1];
        var z = MatMulCases.Product(x, y);
        var size = MatMulCases.Product(Absolute(x), Absolute(y));
        Assert.Equal(z.Data.Length, c.Length);
        for (var i = 0; i < c.Length; i++)
        {
            var bound = (perProduct + k * Math.Pow(2, -23)) * size.Data[i] + perResult * Math.Abs(z.Data[i]) + 1e-30;
            Assert.InRange(c[i] - z.Data[i], -bound, bound);
        }
    }

    private static Nd Host(Tensor t) => new(t.Contiguous().To(DType.F64).ToArray<double>(), [.. t.Shape.AsSpan()]);

    private static Nd Absolute(Nd x) => new([.. x.Data.Select(Math.Abs)], x.Shape);
}
