using System;
using System.Linq;
using FlorenceKernels.Benchmarks;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using Microsoft.ML.OnnxRuntime;
using Xunit;

namespace FlorenceKernels.Tests.Peers;

/// <summary>The exported graph, run by ONNX Runtime, against our forward: whole and cut windows, shifted or not, on maps of any
/// shape.</summary>
public sealed class OnnxCoSwinTests
{
    private const double Tolerance = 1e-4;
    private static readonly CoSwinConfig Config =
        new() { EmbedDim = 16, Depths = [2, 3, 2], Heads = [1, 2, 4], Window = 7, ImageSize = 112 };

    [Theory]
    [InlineData(1, 112, 112)]
    [InlineData(3, 97, 131)]
    [InlineData(2, 59, 203)]
    [InlineData(1, 31, 33)]
    public void Graph_run_by_onnx_runtime_gives_our_features(int batch, int height, int width)
    {
        using var scope = TensorScope.Begin();
        using var parameters = new ParameterSet();
        var model = new CoSwin(Config, parameters.Root);
        foreach (var (name, p) in parameters.Named) { p.CopyFrom<float>(Values.Weight(name, [.. p.Shape.AsSpan()])); }
        int[] shape = [batch, Config.Channels, height, width];
        var images = Values.Uniform("images", shape);

        using var session = Session(OnnxCoSwin.Write(Config, parameters, batch, height, width));
        using var run = new RunOptions();
        using var input = OrtValue.CreateTensorValueFromMemory(images, Array.ConvertAll(shape, d => (long)d));
        using var outputs = session.Run(run, [OnnxCoSwin.InputName], [input], [OnnxCoSwin.OutputName]);
        var expected = outputs[0].GetTensorDataAsSpan<float>().ToArray();

        using var noGrad = GradMode.NoGrad();
        var y = model.Forward(Tensor.From(images, shape)).ToArray<float>();
        Assert.Equal([batch, Config.Features], outputs[0].GetTensorTypeAndShape().Shape.Select(d => (int)d));
        Opinion.Near("pooled features", DType.F32, Array.ConvertAll(y, v => (double)v), Array.ConvertAll(expected, v => (double)v), Tolerance);
    }

    [Fact]
    public void Write_of_a_model_with_parts_it_does_not_know_is_refused()
    {
        using var parameters = new ParameterSet();
        var error = Assert.Throws<ArgumentException>(() => OnnxCoSwin.Write(Config with { LayerScale = 0.1 }, parameters, 1, 112, 112));
        Assert.Contains("plain CoSwin", error.Message, StringComparison.Ordinal);
    }

    private static InferenceSession Session(byte[] model)
    {
        try
        {
            return new InferenceSession(model);
        }
        catch (Exception e) when (e is TypeInitializationException or DllNotFoundException)
        {
            Assert.Skip($"ONNX Runtime can not be loaded ({(e.InnerException ?? e).Message.ReplaceLineEndings(" ")})");
            throw;
        }
    }
}
