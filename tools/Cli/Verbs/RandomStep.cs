using System;
using System.Linq;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Optim;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Cli;

/// <summary>A model with random weights and one batch of random pairs, stepped over and over.</summary>
internal sealed class RandomStep : IDisposable
{
    private const double LearningRate = 1e-4;

    private readonly ParameterSet _parameters;
    private readonly Models.Florence _model;
    private readonly AdamW? _optimizer;
    private readonly Tensor _images, _ids, _labels;
    private readonly bool _isInference, _isImageOnly;

    public RandomStep(FlorenceConfig config, int batch, ulong seed, Device device, bool isInference, bool isImageOnly)
    {
        (_isInference, _isImageOnly) = (isInference, isImageOnly);
        _parameters = new ParameterSet(device, seed) { IsTraining = !isInference };
        _model = new Models.Florence(config, _parameters.Root);
        _optimizer = isInference ? null : new AdamW(_parameters);
        var side = config.Image.ImageSize;
        using var scope = TensorScope.Begin();
        _images = scope.Keep(Tensor.Uniform([batch, 3, side, side], -2, 2, seed, 1, DType.F32, device));
        var random = Enumerable.Range(0, batch * config.Text.Context).Select(i
            => (long)(Philox.Word(seed, 2, (ulong)i) % (uint)config.Text.Vocabulary));
        _ids = scope.Keep(Tensor.From(random.ToArray(), [batch, config.Text.Context], device));
        _labels = scope.Keep(Tensor.From(Enumerable.Range(0, batch).Select(i => (long)i).ToArray(), [batch], device));
    }

    public void Run()
    {
        using var scope = TensorScope.Begin();
        if (_isInference)
        {
            using var noGrad = GradMode.NoGrad();
            _ = _model.EncodeImage(_images);
            if (!_isImageOnly) { _ = _model.EncodeText(_ids); }
            return;
        }

        // The image tower alone has no loss of its own; the mean square of its features reaches every weight of it.
        var loss = _isImageOnly ? MeanSquare(_model.EncodeImage(_images, normalize: false)) : _model.Loss(_images, _ids, _labels);
        loss.Backward();
        _optimizer!.Step(LearningRate);
        _parameters.ZeroGrad();
        _parameters.Step++;
    }

    public void Dispose()
    {
        _optimizer?.Dispose();
        _parameters.Dispose();
        _images.Dispose();
        _ids.Dispose();
        _labels.Dispose();
    }

    private static Tensor MeanSquare(Tensor features) => F.Mean(features * features);
}
