using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Optim;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Training;

/// <summary>What a step did.</summary>
/// <param name="Loss">The loss before the step.</param> <param name="LearningRate">The rate used.</param>
/// <param name="GradNorm">Global norm before clipping.</param> <param name="LogitScale">Logarithm of the cosine scale after the step.</param>
/// <param name="SkippedSteps">Steps skipped so far because loss or gradients were not finite.</param>
public readonly record struct StepOutcome(double Loss, double LearningRate, double GradNorm, double LogitScale, int SkippedSteps);

/// <summary>One training step, top to bottom: forward, backward, clip, update, clamp, average. It never learns what it trains.</summary>
/// <typeparam name="TBatch">What the task's loss is computed from.</typeparam>
public sealed class Trainer<TBatch> : IDisposable
{
    private const int MaxSkippedInARow = 20;

    private readonly ITrainingTask<TBatch> _task;
    private readonly PretrainOptions _options;
    private readonly Tensor? _logitScale;
    private readonly double? _maxLogitScale;
    private readonly AdamW _optimizer;
    private readonly Muon? _matrixOptimizer;
    private int _skippedInARow;

    /// <summary>A trainer of <paramref name="parameters"/> by <paramref name="task"/>.</summary>
    public Trainer(ITrainingTask<TBatch> task, ParameterSet parameters, PretrainOptions options, Tensor? logitScale = null, double? maxLogitScale = null)
    {
        (_task, Parameters, _options, _logitScale, _maxLogitScale) = (task, parameters, options, logitScale, maxLogitScale);
        var (matrices, others) = Split(parameters, options.Optimizer);
        _matrixOptimizer = matrices.Length > 0 ? new Muon(matrices, new MuonOptions(WeightDecay: options.WeightDecay)) : null;
        _optimizer = new AdamW(others, new AdamWOptions
        {
            Beta1 = options.Beta1,
            Beta2 = options.Beta2,
            Epsilon = options.Epsilon,
            WeightDecay = options.WeightDecay,
        });
        Average = options.EmaDecay > 0 ? new Ema(parameters, options.EmaDecay) : null;
    }

    /// <summary>What is trained.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>The optimisers' state by name, for checkpoints; they share the number of steps.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> OptimizerState() =>
        _optimizer.StateTensors().Concat(_matrixOptimizer?.StateTensors() ?? []).DistinctBy(s => s.Key);

    /// <summary>Takes over the optimisers' state of a checkpoint.</summary>
    /// <exception cref="FlorenceException">It belongs to another optimiser or model.</exception>
    public void LoadOptimizerState(IReadOnlyDictionary<string, Tensor> source)
    {
        _optimizer.LoadState(source);
        _matrixOptimizer?.LoadState(source);
    }

    /// <summary>Moving average of the weights, when asked for.</summary>
    public Ema? Average { get; }

    /// <summary>Steps skipped so far.</summary>
    public int SkippedSteps { get; private set; }

    /// <summary>Trains on one batch as step number <paramref name="step"/> of <paramref name="steps"/>.</summary>
    /// <exception cref="FlorenceException">Twenty steps in a row had no finite loss or gradient; the message names the batch.</exception>
    public StepOutcome Step(TBatch batch, long step, long steps)
    {
        using var scope = TensorScope.Begin();
        Parameters.Step = step;
        var loss = _task.Loss(batch);
        var value = loss.Item();
        loss.Backward();
        var norm = ClipGradNorm.Apply(Parameters, _options.ClipGradNorm);
        var rate = LearningRate(step, steps);
        if (double.IsFinite(value) && double.IsFinite(norm))
        {
            _skippedInARow = 0;
            _optimizer.Step(rate);
            _matrixOptimizer?.Step(rate * _options.MatrixLearningRate / _options.LearningRate);
            ClampLogitScale();
            Average?.Update(Parameters);
        }
        else { Skip(batch, step, value, norm); }

        Parameters.ZeroGrad();
        return new StepOutcome(value, rate, norm, _logitScale?.Item() ?? 0, SkippedSteps);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _optimizer.Dispose();
        _matrixOptimizer?.Dispose();
        Average?.Dispose();
    }

    private static (OptimizedParameter[] Matrices, OptimizedParameter[] Others) Split(ParameterSet parameters, OptimizerKind kind)
    {
        var all = WeightDecayRules.Apply(parameters).ToLookup(p => kind == OptimizerKind.Muon && Muon.IsHidden(p.Name, p.Tensor));
        return ([.. all[true]], [.. all[false]]);
    }

    // Linear warm-up from 0, then half a cosine to the minimum.
    private double LearningRate(long step, long steps)
    {
        var warmup = Math.Max(1, (long)(steps * _options.WarmupShare));
        if (step < warmup) { return _options.LearningRate * (step + 1) / warmup; }
        var progress = (double)(step - warmup) / Math.Max(1, steps - warmup);
        return _options.MinLearningRate + 0.5 * (_options.LearningRate - _options.MinLearningRate) * (1 + Math.Cos(Math.PI * progress));
    }

    private void ClampLogitScale()
    {
        if (_logitScale is null || _maxLogitScale is not { } max) { return; }
        var value = _logitScale.Item();
        if (value > max || value < 0) { _logitScale.Assign(Tensor.Scalar(Math.Clamp(value, 0, max), _logitScale.DType, _logitScale.Device)); }
    }

    private void Skip(TBatch batch, long step, double loss, double norm)
    {
        SkippedSteps++;
        if (++_skippedInARow < MaxSkippedInARow) { return; }
        throw new FlorenceException($"training diverged: {MaxSkippedInARow} steps in a row up to step {step} had no finite loss ({loss}) or gradient norm ({norm}); "
            + $"last batch: {_task.Describe(batch)}. Lower learningRate or resume an earlier checkpoint");
    }
}
