using System;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Benchmarks;

/// <summary>Our CoSwin as an ONNX file, with the operators that PyTorch's exporter gives for the eager program: tokens [B, h·w, C],
/// windows by Reshape and Transpose, shifts by Slice and Concat, MatMul and Softmax, erf GELU of its parts, LayerNormalization. Shapes
/// are fixed. Input <c>images</c> [B, 3, H, W], output <c>features</c> [B, F].</summary>
internal sealed class OnnxCoSwin
{
    public const string InputName = "images", OutputName = "features";

    // The first with LayerNormalization.
    private const int Opset = 17;
    private const float Epsilon = 1e-5f, Masked = -100;
    private readonly OnnxGraph _graph = new(Opset);
    private readonly CoSwinConfig _config;
    private readonly ParameterSet _parameters;
    private readonly int _batch;
    private int _height, _width;

    private OnnxCoSwin(CoSwinConfig config, ParameterSet parameters, int batch) => (_config, _parameters, _batch) = (config, parameters, batch);

    /// <summary>The file for images of one size.</summary>
    /// <exception cref="ArgumentException">The model is more than a plain CoSwin.</exception>
    public static byte[] Write(CoSwinConfig config, ParameterSet parameters, int batch, int height, int width)
    {
        var plain = config with { EmbedDim = 1, Depths = [], Heads = [], Window = 7, ImageSize = 224, DropPath = 0, MlpRatio = 4 };
        if (plain != new CoSwinConfig { EmbedDim = 1, Depths = plain.Depths, Heads = plain.Heads })
        {
            throw new ArgumentException($"onnx: {config} has parts that only a plain CoSwin is written without", nameof(config));
        }

        return new OnnxCoSwin(config, parameters, batch).Write(height, width);
    }

    private byte[] Write(int height, int width)
    {
        _graph.Input(InputName, _batch, _config.Channels, height, width);
        (_height, _width) = (height, width);
        var x = Embed(InputName, "patch_embed", _config.EmbedDim, _config.StemKernel, _config.StemStride, _config.StemPadding);
        var grid = Side(_config.ImageSize, _config.StemKernel, _config.StemStride, _config.StemPadding);
        for (var i = 0; i < _config.Depths.Length; i++, grid = Side(grid, 3, 2, 1))
        {
            var dim = _config.EmbedDim << i;
            for (var j = 0; j < _config.Depths[i]; j++)
            {
                x = Block(x, $"layers.{i}.blocks.{j}", dim, _config.Heads[i], _config.BlockWindow(grid, isShifted: j % 2 == 1));
            }

            if (i == _config.Depths.Length - 1) { break; }
            var map = Transpose(Reshape(x, _batch, _height, _width, dim), 0, 3, 1, 2);
            x = Embed(map, $"layers.{i}.downsample", 2 * dim, 3, 2, 1);
        }

        _graph.Output(_graph.Named(OutputName, "ReduceMean", [Norm(x, "norm")], ("axes", new[] { 1 }), ("keepdims", 0L)), _batch, _config.Features);
        return _graph.ToModel();
    }

    private string Block(string x, string name, int dim, int heads, WindowShape window)
    {
        x = Add(x, Attention(Norm(x, $"{name}.norm1"), $"{name}.attn", dim, heads, window));
        return Add(x, Linear(Gelu(Linear(Norm(x, $"{name}.norm2"), $"{name}.mlp.fc1")), $"{name}.mlp.fc2"));
    }

    // Convolution, then tokens, then LayerNorm.
    private string Embed(string image, string name, int outputs, int kernel, int stride, int padding)
    {
        var y = _graph.Node("Conv", [image, Weight($"{name}.proj.weight"), Weight($"{name}.proj.bias")], ("kernel_shape", new[] { kernel, kernel }),
            ("strides", new[] { stride, stride }), ("pads", new[] { padding, padding, padding, padding }));
        (_height, _width) = (Side(_height, kernel, stride, padding), Side(_width, kernel, stride, padding));
        return Norm(Transpose(Reshape(y, _batch, outputs, _height * _width), 0, 2, 1), $"{name}.norm");
    }

    private string Attention(string x, string name, int dim, int heads, WindowShape window)
    {
        var w = new OnnxWindows(_height, _width, window);
        x = Reshape(x, _batch, _height, _width, dim);
        if (w.IsPadded) { x = _graph.Node("Pad", [x, _graph.Constant(0, 0, 0, 0, 0, w.Height - _height, w.Width - _width, 0)]); }
        x = Roll(Roll(x, 1, w.ShiftH, w.Height), 2, w.ShiftW, w.Width);
        x = Transpose(Reshape(x, _batch, w.Rows, window.Height, w.Columns, window.Width, dim), 0, 1, 3, 2, 4, 5);
        x = InWindows(Reshape(x, _batch * w.Count, w.Tokens, dim), name, dim, heads, w);
        x = Transpose(Reshape(x, _batch, w.Rows, w.Columns, window.Height, window.Width, dim), 0, 1, 3, 2, 4, 5);
        x = Reshape(x, _batch, w.Height, w.Width, dim);
        x = Roll(Roll(x, 1, w.Height - w.ShiftH, w.Height), 2, w.Width - w.ShiftW, w.Width);
        if (w.IsPadded) { x = _graph.Node("Slice", [x, _graph.Constant(0, 0), _graph.Constant(_height, _width), _graph.Constant(1, 2)]); }
        return Reshape(x, _batch, _height * _width, dim);
    }

    // [B·windows, N, C] → [B·windows, N, C]
    private string InWindows(string x, string name, int dim, int heads, OnnxWindows w)
    {
        var (all, n, d) = (_batch * w.Count, w.Tokens, dim / heads);
        var qkv = Transpose(Reshape(Linear(x, $"{name}.qkv"), all, n, 3, heads, d), 2, 0, 3, 1, 4);
        string Part(int i) => _graph.Node("Gather", [qkv, _graph.Scalar(i)], ("axis", 0L));
        var q = _graph.Node("Mul", [Part(0), _graph.Constant([(float)(1 / Math.Sqrt(d))])]);
        var scores = MatMul(q, Transpose(Part(1), 0, 1, 3, 2));
        var table = _parameters[$"{name}.relative_position_bias_table"].ToArray<float>();
        scores = Add(scores, _graph.Constant(w.Bias(table, heads), 1, heads, n, n));
        if (w.IsShifted)
        {
            scores = Add(Reshape(scores, _batch, w.Count, heads, n, n), _graph.Constant(w.Mask(Masked), 1, w.Count, 1, n, n));
            scores = Reshape(scores, all, heads, n, n);
        }

        var y = MatMul(_graph.Node("Softmax", [scores], ("axis", -1L)), Part(2));
        return Linear(Reshape(Transpose(y, 0, 2, 1, 3), all, n, dim), $"{name}.proj");
    }

    // y[i] = x[(i + shift) mod size], as the exporter writes torch.roll.
    private string Roll(string x, int axis, int shift, int size)
    {
        if (shift % size == 0) { return x; }
        string Slice(int from, int to) => _graph.Node("Slice", [x, _graph.Constant(from), _graph.Constant(to), _graph.Constant(axis)]);
        return _graph.Node("Concat", [Slice(shift, size), Slice(0, shift)], ("axis", (long)axis));
    }

    // z/2·(1 + erf(z/√2))
    private string Gelu(string z)
    {
        var erf = _graph.Node("Erf", [_graph.Node("Div", [z, _graph.Constant([MathF.Sqrt(2)])])]);
        return _graph.Node("Mul", [_graph.Node("Mul", [z, Add(erf, _graph.Constant([1f]))]), _graph.Constant([0.5f])]);
    }

    private string Norm(string x, string name) =>
        _graph.Node("LayerNormalization", [x, Weight($"{name}.weight"), Weight($"{name}.bias")], ("axis", -1L), ("epsilon", Epsilon));

    private string Linear(string x, string name)
    {
        var weight = _parameters[$"{name}.weight"];
        var transposed = _graph.Constant(weight.T().ToArray<float>(), weight.Shape[1], weight.Shape[0]);
        return Add(Weight($"{name}.bias"), MatMul(x, transposed));
    }

    private string Weight(string name)
    {
        var p = _parameters[name];
        return _graph.Constant(p.ToArray<float>(), [.. p.Shape.AsSpan()]);
    }

    private string Add(string a, string b) => _graph.Node("Add", [a, b]);

    private string MatMul(string a, string b) => _graph.Node("MatMul", [a, b]);

    private string Reshape(string x, params int[] shape) => _graph.Node("Reshape", [x, _graph.Constant(shape)]);

    private string Transpose(string x, params int[] axes) => _graph.Node("Transpose", [x], ("perm", axes));

    private static int Side(int side, int kernel, int stride, int padding) => (side + 2 * padding - kernel) / stride + 1;
}
