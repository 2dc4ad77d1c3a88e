using System;
using System.Collections.Generic;
using System.Linq;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FlorenceKernels.Benchmarks;

/// <summary>CoSwin in eager libtorch operations, written from the description (Florence §2.2, Swin fig. 3b): the peer of whole-model rows
/// and the second opinion of tests. Parameters have the names and shapes of the released code.</summary>
internal sealed class TorchCoSwin : IDisposable
{
    private readonly int _window;
    private readonly int[] _depths, _heads;
    private readonly Dictionary<string, Parameter> _parameters = [];
    private readonly ScalarType _type;

    /// <param name="width">Channels of the first stage.</param> <param name="depths">Blocks per stage.</param> <param name="heads">Heads per stage.</param>
    /// <param name="window">Window side; a map no larger than it is one window without a shift.</param> <param name="imageSize">Image side.</param>
    /// <param name="weights">Values of a parameter of a name and shape.</param> <param name="type">Element type.</param>
    public TorchCoSwin(int width, int[] depths, int[] heads, int window, int imageSize, Func<string, int[], float[]> weights,
        ScalarType type = ScalarType.Float32)
    {
        (_window, _depths, _heads, _type) = (window, depths, heads, type);
        Add(weights, "patch_embed.proj.weight", width, 3, 7, 7);
        Add(weights, "patch_embed.proj.bias", width);
        Norm(weights, "patch_embed.norm", width);
        var grid = (imageSize + 4 - 7) / 4 + 1;
        for (var i = 0; i < depths.Length; i++, grid = (grid + 1) / 2) { AddStage(weights, i, width << i, Math.Min(window, grid)); }
        Norm(weights, "norm", width << (depths.Length - 1));
    }

    public IReadOnlyDictionary<string, Parameter> Parameters => _parameters;

    /// <summary>Images [B, 3, H, W] → mean of the tokens [B, F].</summary>
    public Tensor Forward(Tensor images)
    {
        var x = Embed(images, "patch_embed", 4, 2);
        for (var i = 0; i < _depths.Length; i++)
        {
            for (var j = 0; j < _depths[i]; j++) { x = Block(x, $"layers.{i}.blocks.{j}", _heads[i], j % 2 == 1); }
            if (i < _depths.Length - 1) { x = Embed(x.permute(0, 3, 1, 2), $"layers.{i}.downsample", 2, 1); }
        }

        return Norm(x, "norm").mean([1, 2]);
    }

    public void Dispose()
    {
        foreach (var p in _parameters.Values) { p.Dispose(); }
    }

    private Tensor Block(Tensor x, string name, int heads, bool isShifted)
    {
        var window = (int)Math.Min(_window, x.shape[1]);
        var shift = isShifted && x.shape[1] > _window ? window / 2 : 0;
        x = x + TorchWindowAttention.Of(Norm(x, $"{name}.norm1"), this[$"{name}.attn.qkv.weight"], this[$"{name}.attn.qkv.bias"],
            this[$"{name}.attn.relative_position_bias_table"], this[$"{name}.attn.proj.weight"], this[$"{name}.attn.proj.bias"], heads, window, shift);
        return x + Linear(nn.functional.gelu(Linear(Norm(x, $"{name}.norm2"), $"{name}.mlp.fc1")), $"{name}.mlp.fc2");
    }

    private Tensor Embed(Tensor image, string name, long stride, long padding) =>
        Norm(nn.functional.conv2d(image, this[$"{name}.proj.weight"], this[$"{name}.proj.bias"], [stride, stride], [padding, padding])
            .permute(0, 2, 3, 1), $"{name}.norm");

    private Tensor Norm(Tensor x, string name) => nn.functional.layer_norm(x, [x.shape[^1]], this[$"{name}.weight"], this[$"{name}.bias"], 1e-5);

    private Tensor Linear(Tensor x, string name) => nn.functional.linear(x, this[$"{name}.weight"], this[$"{name}.bias"]);

    private Parameter this[string name] => _parameters[name];

    private void AddStage(Func<string, int[], float[]> weights, int stage, int dim, int window)
    {
        for (var j = 0; j < _depths[stage]; j++)
        {
            var name = $"layers.{stage}.blocks.{j}";
            Norm(weights, $"{name}.norm1", dim);
            Add(weights, $"{name}.attn.relative_position_bias_table", (2 * window - 1) * (2 * window - 1), _heads[stage]);
            Linear(weights, $"{name}.attn.qkv", 3 * dim, dim);
            Linear(weights, $"{name}.attn.proj", dim, dim);
            Norm(weights, $"{name}.norm2", dim);
            Linear(weights, $"{name}.mlp.fc1", 4 * dim, dim);
            Linear(weights, $"{name}.mlp.fc2", dim, 4 * dim);
        }

        if (stage == _depths.Length - 1) { return; }
        Add(weights, $"layers.{stage}.downsample.proj.weight", 2 * dim, dim, 3, 3);
        Add(weights, $"layers.{stage}.downsample.proj.bias", 2 * dim);
        Norm(weights, $"layers.{stage}.downsample.norm", 2 * dim);
    }

    private void Norm(Func<string, int[], float[]> weights, string name, int size)
    {
        Add(weights, $"{name}.weight", size);
        Add(weights, $"{name}.bias", size);
    }

    private void Linear(Func<string, int[], float[]> weights, string name, int outputs, int inputs)
    {
        Add(weights, $"{name}.weight", outputs, inputs);
        Add(weights, $"{name}.bias", outputs);
    }

    private void Add(Func<string, int[], float[]> weights, string name, params int[] shape) =>
        _parameters.Add(name, new Parameter(tensor(weights(name, shape), [.. shape.Select(d => (long)d)]).to_type(_type)));
}
