using System;
using System.Linq;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Windows are unfolded by several threads side by side: none may write outside its own.</summary>
public sealed class PatchRowsTests
{
    private const float Untouched = 12345;

    [Theory]
    [InlineData(3, 7, 4, 2)]
    [InlineData(5, 3, 1, 1)]
    [InlineData(2, 2, 2, 0)]
    [InlineData(1, 5, 2, 1)]
    public unsafe void Unfolding_one_window_writes_nothing_outside_it(int channels, int kernel, int stride, int padding)
    {
        const int Side = 32, Margin = 64;
        var axis = ConvAxis.Of("conv", "side", Side, kernel, stride, padding, 1);
        var g = new ConvGeometry(2, channels, 8, 1, ConvAxis.Flat, axis, axis, xLast: false, yLast: true);
        var x = Enumerable.Range(0, 2 * channels * Side * Side).Select(i => (float)(i + 1)).ToArray();
        var col = new float[g.Depth + 2 * Margin];
        fixed (float* source = x, target = col)
        {
            for (var position = 0; position < 2 * g.Positions; position++)
            {
                Array.Fill(col, Untouched);
                PatchRows<float>.Fill(g, source, position, 1, target + Margin);
                Assert.DoesNotContain(Untouched, col[Margin..^Margin]);
                Assert.All(col[..Margin].Concat(col[^Margin..]), v => Assert.Equal(Untouched, v));
            }
        }
    }
}
