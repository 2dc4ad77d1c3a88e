using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>More rows than one chunk of the CPU backward, against the same formula composed of separate ops.</summary>
[Collection(nameof(CpuSettings))]
public sealed class LinearBackwardTests
{
    private const int Rows = 1301, Inputs = 21, Outputs = 331; // three chunks in float64, two in float32

    [Theory, InlineData(false), InlineData(true)]
    public void Linear_of_several_chunks_has_the_gradients_of_separate_ops(bool gelu)
    {
        var fused = Gradients(DType.F64, (x, w, b) => F.Linear(x, w, b, gelu ? Activation.GeluErf : Activation.None));
        var apart = Gradients(DType.F64, (x, w, b) =>
        {
            var z = F.MatMul(x, w.T()) + b;
            return gelu ? F.Gelu(z) : z;
        });
        for (var i = 0; i < 3; i++)
        {
            Assert.All(fused[i].Zip(apart[i]), pair => Assert.Equal(pair.Second, pair.First, 1e-11));
        }
    }

    [Fact]
    public void Linear_of_several_chunks_has_the_same_bits_for_any_thread_count()
    {
        var threads = CpuThreads.Count;
        try
        {
            CpuThreads.Count = 1;
            var one = Gradients(DType.F32, (x, w, b) => F.Linear(x, w, b, Activation.QuickGelu));
            CpuThreads.Count = 3;
            Assert.Equal(one, Gradients(DType.F32, (x, w, b) => F.Linear(x, w, b, Activation.QuickGelu)));
        }
        finally { CpuThreads.Count = threads; }
    }

    private static double[][] Gradients(DType dtype, System.Func<Tensor, Tensor, Tensor, Tensor> layer)
    {
        using var scope = TensorScope.Begin();
        Tensor[] inputs = [Draw([Rows, Inputs], 1), Draw([Outputs, Inputs], 2), Draw([Outputs], 3)];
        foreach (var input in inputs) { input.RequiresGrad = true; }
        layer(inputs[0], inputs[1], inputs[2]).Backward(Draw([Rows, Outputs], 4));
        var gradients = inputs.Select(i => i.Grad!.To(DType.F64).ToArray<double>()).ToArray();
        foreach (var input in inputs) { input.ZeroGrad(); }
        return gradients;

        Tensor Draw(int[] shape, ulong stream) => Tensor.Uniform(shape, -1, 1, 7, stream, dtype, Device.Cpu);
    }
}
