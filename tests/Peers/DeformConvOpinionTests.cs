using System;
using System.Linq;
using FlorenceKernels.Benchmarks;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Peers;

/// <summary>Deformable convolution against libtorch's grid_sample and matmul.</summary>
public sealed class DeformConvOpinionTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 8)];

    [Theory, MemberData(nameof(Seeds))]
    public void DeformConv2d_of_random_geometry_agrees(int seed)
    {
        var random = new Random(seed);
        int kernel = random.Next(1, 4), stride = random.Next(1, 3), padding = random.Next(0, 3), side = random.Next(6, 12);
        int Out(int size) => (size + 2 * padding - kernel) / stride + 1;
        int channels = random.Next(1, 40), taps = kernel * kernel;
        Opinion.Compare(seed,
            [
                new([2, channels, side, side + 3]), new([2, 2 * taps, Out(side), Out(side + 3)], -1.7, 1.7),
                new([random.Next(1, 9), channels, kernel, kernel]), new([2, taps, Out(side), Out(side + 3)], 0, 1),
            ],
            x => F.DeformConv2d(x[0], x[1], x[2], x[3], stride: stride, padding: padding),
            x => TorchDeformConv.Run(x[0], x[1], x[2], x[3], stride, padding));
    }
}
