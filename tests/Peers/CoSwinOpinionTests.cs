using System.Linq;
using FlorenceKernels.Benchmarks;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using TorchSharp;
using Xunit;

namespace FlorenceKernels.Tests.Peers;

/// <summary>A whole small CoSwin against the same model written in libtorch operations: output and the gradient of every parameter.</summary>
public sealed class CoSwinOpinionTests
{
    private const int Width = 24, Window = 7, ImageSize = 112, Batch = 2;
    private static readonly int[] Depths = [2, 2, 2], Heads = [2, 4, 8];

    [Theory]
    [InlineData(DType.F64, 1e-9)]
    [InlineData(DType.F32, 1e-3)]
    public void CoSwin_output_and_every_gradient_agree(DType dtype, double tolerance)
    {
        Opinion.RequireLibtorch();
        using var scope = TensorScope.Begin();
        using var torchScope = torch.NewDisposeScope();
        var type = dtype == DType.F64 ? torch.ScalarType.Float64 : torch.ScalarType.Float32;
        using var peer = new TorchCoSwin(Width, Depths, Heads, Window, ImageSize, Values.Weight, type);
        using var parameters = new ParameterSet(dtype: dtype) { IsTraining = true };
        var model = Build(parameters);
        Assert.Equal(peer.Parameters.Keys.Order(), parameters.Names.Order());

        int[] imageShape = [Batch, 3, ImageSize, ImageSize], outputShape = [Batch, model.Config.Features];
        float[] images = Values.Uniform("images", imageShape), cotangent = Values.Uniform("cotangent", outputShape);
        var y = model.Forward(Tensor.From(images, imageShape).To(dtype));
        y.Backward(Tensor.From(cotangent, outputShape).To(dtype));
        var expected = peer.Forward(torch.tensor(images, [Batch, 3, ImageSize, ImageSize]).to_type(type));
        expected.backward([torch.tensor(cotangent, expected.shape).to_type(type)]);

        Opinion.Near("pooled features", dtype, Doubles(y), Doubles(expected), tolerance);
        foreach (var name in parameters.Names)
        {
            Opinion.Near(name, dtype, Doubles(parameters[name].Grad!), Doubles(peer.Parameters[name].grad!), tolerance);
        }
    }

    private static CoSwin Build(ParameterSet parameters)
    {
        var model = new CoSwin(new CoSwinConfig { EmbedDim = Width, Depths = [.. Depths], Heads = [.. Heads], Window = Window, ImageSize = ImageSize },
            parameters.Root);
        foreach (var (name, p) in parameters.Named)
        {
            int[] shape = [.. p.Shape.AsSpan()];
            p.Assign(Tensor.From(Values.Weight(name, shape), shape));
        }

        return model;
    }

    private static double[] Doubles(Tensor t) => t.Detach().To(DType.F64).ToArray<double>();

    private static double[] Doubles(torch.Tensor t) => t.detach().to_type(torch.ScalarType.Float64).contiguous().data<double>().ToArray();
}
