using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>What the rows of <c>DeformConvCases</c> can not show: the border's own rule, offsets that are no numbers,
/// threads.</summary>
public sealed class DeformConvTests
{
    public static TheoryData<string> Devices => [.. TestDevices.Names];

    // A 1×1 kernel over a 2×2 image of ones: the value is the bilinear weight inside.
    [Theory, MemberData(nameof(Devices))]
    public void Offset_gradient_is_zero_at_minus_one_and_right_handed_at_whole_places(string device)
    {
        using var scope = TensorScope.Begin();
        // Rows −1, −½, 0 and 2 of column 0, sampled by position (0, 0).
        double[] rows = [-1, -0.5, 0, 2], values = [0, 0.5, 1, 0], slopes = [0, 1, 0, 0];
        foreach (var (row, value, slope) in rows.Zip(values, slopes))
        {
            var offset = Leaf([row, 0, 0, 0, 0, 0, 0, 0], [1, 2, 2, 2], device);
            var y = F.DeformConv2d(Tensor.Ones([1, 1, 2, 2], DType.F64, offset.Device), offset,
                Tensor.Ones([1, 1, 1, 1], DType.F64, offset.Device));
            y.Backward(Tensor.FromDoubles([1, 0, 0, 0], y.Shape, DType.F64, y.Device));
            Assert.Equal(value, y.ToArray<double>()[0], 1e-12);
            Assert.Equal(slope, offset.Grad!.ToArray<double>()[0], 1e-12);
            offset.ZeroGrad();
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public void Offset_that_is_no_number_gives_NaN_there_only(string device)
    {
        using var scope = TensorScope.Begin();
        foreach (var broken in (double[])[double.NaN, double.PositiveInfinity, double.NegativeInfinity])
        {
            var offset = Leaf([0, broken, 0, 0, 0, 0, 0, 0], [1, 2, 2, 2], device);
            var y = F.DeformConv2d(Tensor.Ones([1, 1, 2, 2], DType.F64, offset.Device), offset,
                Tensor.Ones([1, 1, 1, 1], DType.F64, offset.Device)).ToArray<double>();
            Assert.Equal([1, double.NaN, 1, 1], y);
        }
    }

    [Theory, MemberData(nameof(Devices))]
    public void Offset_of_any_size_is_outside(string device)
    {
        using var scope = TensorScope.Begin();
        var offset = Leaf([1e30, -1e30, 4e9, -4e9, 0, 0, 0, 0], [1, 2, 2, 2], device);
        var y = F.DeformConv2d(Tensor.Ones([1, 1, 2, 2], DType.F64, offset.Device), offset,
            Tensor.Ones([1, 1, 1, 1], DType.F64, offset.Device));
        Assert.Equal([0, 0, 0, 0], y.ToArray<double>());
    }

    [Fact]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        var before = CpuThreads.Count;
        try
        {
            CpuThreads.Count = 1;
            var one = AllBits();
            CpuThreads.Count = 3;
            Assert.Equal(one, AllBits());
        }
        finally { CpuThreads.Count = before; }
    }

    // Several panels, tasks of several channel runs.
    private static float[] AllBits()
    {
        using var scope = TensorScope.Begin();
        Tensor[] x =
        [
            Tensor.Uniform([2, 72, 40, 41], -1, 1, 1), Tensor.Uniform([2, 36, 40, 41], -2, 2, 2),
            Tensor.Uniform([5, 72, 3, 3], -1, 1, 3),
            Tensor.Uniform([2, 18, 40, 41], 0, 1, 4),
        ];
        foreach (var t in x) { t.RequiresGrad = true; }
        var y = F.DeformConv2d(x[0], x[1], x[2], x[3], padding: 1, offsetGroups: 2);
        y.Backward(Tensor.Uniform(y.Shape, -1, 1, 5));
        float[] all = [.. y.ToArray<float>(), .. x.SelectMany(t => t.Grad!.ToArray<float>())];
        foreach (var t in x) { t.ZeroGrad(); }
        return all;
    }

    private static Tensor Leaf(double[] values, int[] shape, string device)
    {
        var t = Tensor.FromDoubles(values, shape, DType.F64, TestDevices.Open(device));
        t.RequiresGrad = true;
        return t;
    }
}
