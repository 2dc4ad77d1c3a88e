using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading;
using FlorenceKernels.Checkpoints;
using FlorenceKernels.Data;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Optim;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Training;

/// <summary>Where a run stands.</summary>
/// <param name="Step">Steps done.</param> <param name="Steps">Steps in all.</param> <param name="Loss">Loss of the last step.</param>
/// <param name="LearningRate">Its learning rate.</param> <param name="PairsPerSecond">Throughput since the last report.</param>
/// <param name="GradNorm">Global gradient norm before clipping.</param> <param name="LogitScale">Logarithm of the cosine scale.</param>
/// <param name="Elapsed">Time in training, over all sessions.</param> <param name="Remaining">Estimated time left.</param>
/// <param name="Phase">What is being done.</param>
public sealed record PretrainProgress(long Step, long Steps, double Loss, double LearningRate, double PairsPerSecond, double GradNorm,
    double LogitScale, TimeSpan Elapsed, TimeSpan Remaining, string Phase);

/// <summary>How a run ended.</summary>
/// <param name="Step">Steps done.</param> <param name="Steps">Steps in all.</param> <param name="IsFinished">False when it was stopped early.</param>
/// <param name="CheckpointDirectory">The last checkpoint.</param> <param name="FinalLoss">Loss of the last step.</param>
public sealed record PretrainResult(long Step, long Steps, bool IsFinished, string CheckpointDirectory, double FinalLoss);

/// <summary>One contrastive pre-training run in a folder: model, data, optimiser, log and checkpoints put together. A run that was stopped
/// or killed goes on from its last checkpoint, bit for bit as if it had never stopped.</summary>
public static class PretrainRun
{
    private const string MergesFile = "merges.txt", ModelFile = "model.json", OptionsFile = "options.json";

    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>Runs, or goes on with, the run in <paramref name="runDirectory"/>.</summary>
    /// <exception cref="FlorenceException">The folder holds a run with other settings, or training diverged.</exception>
    public static PretrainResult Execute(PretrainOptions options, PairDataset dataset, string runDirectory, Device device, bool resume,
        Action<PretrainProgress>? progress, CancellationToken stop)
    {
        Directory.CreateDirectory(runDirectory);
        var store = new CheckpointStore(Path.Combine(runDirectory, "checkpoints"));
        var isResumed = resume && store.Candidates().Count > 0;
        options = isResumed ? SavedOptions(runDirectory) : options.Validated();
        foreach (var stage in new[] { 1, 2 }) { PairBatches.RequireBatch(dataset, options.InStage(stage)); }
        var tokenizer = Tokenizer(runDirectory, dataset, options, isResumed);
        var config = FlorenceConfig.Load(isResumed ? Path.Combine(runDirectory, ModelFile) : options.Model);
        config = config with { Text = config.Text with { Vocabulary = tokenizer.VocabularySize } };
        using var trainer = NewTrainer(config, options, device);
        using var parameters = trainer.Parameters;
        PairBatches Batches(TrainState at) => new(dataset, tokenizer, options.InStage(at.Stage), config.Image.ImageSize, config.Text.Context,
            at.Next, Path.Combine(runDirectory, "skipped.jsonl"));
        var start = new TrainState(0, options.Steps, default, 0);
        var state = isResumed ? TrainState.LoadNewest(store, trainer)
            : options.Steps > 0 ? start
            : TrainState.Timed(StepsInTime(config, Batches(start), options, device, progress));
        if (!isResumed)
        {
            AtomicFile.WriteText(Path.Combine(runDirectory, OptionsFile), JsonSerializer.Serialize(options, Json));
            AtomicFile.WriteText(Path.Combine(runDirectory, ModelFile), config.ToJson());
        }

        using var log = OpenLog(runDirectory, isResumed ? state.Step : null, options, config, device);
        return Train(trainer, Batches, state, store, log, options, progress, stop);
    }

    /// <summary>Loads a finished or running model for evaluation.</summary>
    /// <param name="runDirectory">A run's folder, or one of its checkpoints.</param> <param name="device">Where to put it.</param>
    /// <exception cref="FlorenceException">The folder holds no run or no checkpoint.</exception>
    public static (Models.Florence Model, ClipTokenizer Tokenizer, ParameterSet Parameters) Open(string runDirectory, Device device)
    {
        var run = File.Exists(Path.Combine(runDirectory, ModelFile)) ? runDirectory : Path.GetFullPath(Path.Combine(runDirectory, "..", ".."));
        if (!File.Exists(Path.Combine(run, ModelFile)))
        {
            throw new FlorenceException($"{runDirectory} holds no run: {ModelFile} is missing; give the --out folder of 'florence pretrain'");
        }

        var checkpoint = run == runDirectory ? new CheckpointStore(Path.Combine(run, "checkpoints")).Latest : runDirectory;
        if (checkpoint is null) { throw new FlorenceException($"{runDirectory} has no checkpoint yet; let it train longer"); }
        var parameters = new ParameterSet(device);
        var model = new Models.Florence(FlorenceConfig.Load(Path.Combine(run, ModelFile)), parameters.Root);
        using var scope = TensorScope.Begin();
        var weights = TensorFile.Load(TrainState.WeightsFile(checkpoint), device);
        weights.Remove(Ema.UpdatesName);
        _ = parameters.Load(weights);
        return (model, ClipTokenizer.Load(Path.Combine(run, MergesFile)), parameters);
    }

    // The one loop: batch, step, log, save.
    private static PretrainResult Train(Trainer<ImageTextBatch> trainer, Func<TrainState, PairBatches> open, TrainState state, CheckpointStore store,
        RunLog log, PretrainOptions options, Action<PretrainProgress>? progress, CancellationToken stop)
    {
        using var batches = new StagedBatches(open, state);
        var watch = Stopwatch.StartNew();
        var meter = new ThroughputMeter(options.BatchSize);
        var lastSave = watch.Elapsed;
        var outcome = default(StepOutcome);
        var checkpoint = store.Latest ?? "";
        var before = TimeSpan.FromSeconds(state.TrainedSeconds);
        for (var step = state.Step; step < state.Steps; step++)
        {
            if (state.BeginsSecondStage(options)) { batches.Open(state = state.InSecondStage()); }
            outcome = trainer.Step(batches.Next(), step, state.Steps);
            meter.Step();
            state = state with { Step = step + 1, Next = batches.Position, TrainedSeconds = (before + watch.Elapsed).TotalSeconds };
            if (state.Step == state.PlanAt) { state = state.PlannedAgain(options.Minutes); }
            var isLast = state.Step == state.Steps || stop.IsCancellationRequested;
            if (state.Step % options.LogEvery == 0 || isLast) { Report(log, progress, state, outcome, meter.Restart(), before + watch.Elapsed); }
            if (isLast || watch.Elapsed - lastSave >= TimeSpan.FromMinutes(options.SaveMinutes))
            {
                checkpoint = state.Save(store, trainer);
                lastSave = watch.Elapsed;
            }

            // Not the token itself: a stop that comes after the save above takes effect after the next step, which saves.
            if (isLast) { break; }
        }

        return new PretrainResult(state.Step, state.Steps, state.Step == state.Steps, checkpoint, outcome.Loss);
    }

    private static void Report(RunLog log, Action<PretrainProgress>? progress, TrainState state, StepOutcome outcome, double pairsPerSecond, TimeSpan elapsed)
    {
        log.Scalars(state.Step, ("train/loss", outcome.Loss), ("train/lr", outcome.LearningRate), ("train/grad_norm", outcome.GradNorm),
            ("train/logit_scale", outcome.LogitScale), ("train/pairs_per_second", pairsPerSecond), ("train/skipped_steps", outcome.SkippedSteps));
        var remaining = state.Step == 0 ? TimeSpan.Zero : elapsed * ((double)(state.Steps - state.Step) / state.Step);
        progress?.Invoke(new PretrainProgress(state.Step, state.Steps, outcome.Loss, outcome.LearningRate, pairsPerSecond, outcome.GradNorm,
            outcome.LogitScale, elapsed, remaining, "train"));
    }

    private static Trainer<ImageTextBatch> NewTrainer(FlorenceConfig config, PretrainOptions options, Device device)
    {
        var parameters = new ParameterSet(device, options.Seed) { IsTraining = true };
        var model = new Models.Florence(config, parameters.Root);
        return new Trainer<ImageTextBatch>(new PairTask(model, device, DType.F32), parameters, options, model.LogitScale, config.MaxLogitScale);
    }

    // Steps that fit the time budget, from the median of a few real ones on a model of their own. The run itself corrects it.
    private static long StepsInTime(FlorenceConfig config, PairBatches batches, PretrainOptions options, Device device, Action<PretrainProgress>? progress)
    {
        const int WarmUp = 20, Measured = 11;   // the runtime recompiles hot methods during the first steps
        const double LongRun = 1.1;             // checkpoints and whatever else the machine does over minutes
        using var opened = batches;
        using var trainer = NewTrainer(config, options, device);
        using var parameters = trainer.Parameters;
        var seconds = new List<double>();
        for (var i = 0; i < WarmUp + Measured; i++)
        {
            var watch = Stopwatch.StartNew();
            _ = trainer.Step(opened.Next(), i, WarmUp + Measured);
            if (i >= WarmUp) { seconds.Add(watch.Elapsed.TotalSeconds); }
            progress?.Invoke(new PretrainProgress(0, 0, 0, 0, options.BatchSize / watch.Elapsed.TotalSeconds, 0, 0, watch.Elapsed, TimeSpan.Zero, "measuring speed"));
        }

        seconds.Sort();
        return Math.Max(1, (long)(options.Minutes * 60 / (LongRun * seconds[seconds.Count / 2])));
    }

    private static ClipTokenizer Tokenizer(string runDirectory, PairDataset dataset, PretrainOptions options, bool isResumed)
    {
        var path = Path.Combine(runDirectory, MergesFile);
        if (isResumed) { return ClipTokenizer.Load(path); }
        var corpus = new List<string>();
        foreach (var index in dataset.Indices(PairSplit.Train))
        {
            var sample = dataset.Samples[index];
            corpus.Add(sample.Text);
            if (sample.Rich is { Length: > 0 } rich) { corpus.Add(rich); }
        }

        foreach (var template in PromptTemplates.DrawnArt.Templates)
        {
            for (var i = 0; i < 50; i++) { corpus.Add(template); }
        }

        var merges = BpeTrainer.Train(corpus, options.Vocabulary);
        merges.Save(path);
        return new ClipTokenizer(merges);
    }

    private static PretrainOptions SavedOptions(string runDirectory) =>
        JsonSerializer.Deserialize<PretrainOptions>(File.ReadAllText(Path.Combine(runDirectory, OptionsFile)), Json)
        ?? throw new FlorenceException($"{OptionsFile} in {runDirectory} is empty; start a new run folder");

    private static RunLog OpenLog(string runDirectory, long? resumeStep, PretrainOptions options, FlorenceConfig config, Device device)
    {
        // A run that was killed before its first checkpoint starts again from step 0: what it logged is taken back, in all files.
        var hasBegun = new[] { "metrics.jsonl", "metrics.csv" }.Any(f => File.Exists(Path.Combine(runDirectory, f)));
        var log = RunLog.Open(runDirectory, resumeStep ?? (hasBegun ? 0 : null));
        if (resumeStep is null)
        {
            log.Arguments(new JsonObject { ["options"] = JsonSerializer.SerializeToNode(options, Json), ["model"] = JsonNode.Parse(config.ToJson()) });
            log.Environment(device.ToString(), new Dictionary<string, string> { ["device description"] = device.Description });
        }

        return log;
    }
}
