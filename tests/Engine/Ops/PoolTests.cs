using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>What central differences can not see of pooling: ties and NaN.</summary>
public sealed class PoolTests
{
    public static IEnumerable<TheoryDataRow<string>> Devices => TestDevices.Names.Select(name => new TheoryDataRow<string>(name));

    [Theory, MemberData(nameof(Devices))]
    public void MaxPool2d_of_equal_values_gives_the_gradient_to_the_first(string device)
    {
        using var scope = TensorScope.Begin();
        var x = Tensor.Full([1, 1, 3, 4], 2, DType.F32, TestDevices.Open(device));
        x.RequiresGrad = true;
        F.MaxPool2d(x, (3, 2), 2, (1, 0)).Backward(Tensor.From([1f, 2, 3, 4], [1, 1, 2, 2], x.Device));
        Assert.Equal([1f, 0, 2, 0, 3, 0, 4, 0, 0, 0, 0, 0], x.Grad!.ToArray<float>());
    }

    [Theory, MemberData(nameof(Devices))]
    public void MaxPool2d_with_NaN_in_a_window_is_NaN_there_only(string device)
    {
        using var scope = TensorScope.Begin();
        var x = Tensor.From([float.NaN, 5, float.NegativeInfinity, float.NegativeInfinity], [1, 1, 1, 4], TestDevices.Open(device));
        var y = F.MaxPool2d(x, (1, 2)).ToArray<float>();
        Assert.True(float.IsNaN(y[0]));
        Assert.Equal(float.NegativeInfinity, y[1]);
    }
}
