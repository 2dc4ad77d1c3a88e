using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using FlorenceKernels.Checkpoints;
using FlorenceKernels.Data;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Training;

/// <summary>Everything a run needs to go on exactly: weights, moments and averages as tensors; step, loader position and time as numbers.
/// Random numbers need no state: they are addressed by seed, step and sample.</summary>
/// <param name="Step">Steps done.</param> <param name="Steps">Steps in all.</param> <param name="Next">The batch that comes next.</param>
/// <param name="TrainedSeconds">Time spent training.</param>
/// <param name="PlanAt">The step at which <paramref name="Steps"/> is fitted to the time left; 0 when it stands.</param>
/// <param name="Stage">1, or 2 in the second stage.</param>
public sealed record TrainState(long Step, long Steps, LoaderPosition Next, double TrainedSeconds, long PlanAt = 0, int Stage = 1)
{
    // The first after the warm-up; later ones correct by a few per cent, where the learning rate hardly notices.
    private static readonly double[] Plans = [0.1, 0.4, 0.7, 0.9];

    private const string Model = "model.safetensors", Optimizer = "optimizer.safetensors", Average = "ema.safetensors", State = "state.json";

    /// <summary>The weights to evaluate: the moving average when the run keeps one.</summary>
    public static string WeightsFile(string checkpoint)
    {
        var average = Path.Combine(checkpoint, Average);
        return File.Exists(average) ? average : Path.Combine(checkpoint, Model);
    }

    /// <summary>The start of a run that takes the time it is given; <paramref name="steps"/> is a first guess.</summary>
    public static TrainState Timed(long steps) => new(0, steps, default, 0, NextPlan(0, steps));

    /// <summary>The steps that fit <paramref name="minutes"/> at the speed so far, with a little to spare that shrinks as the end nears.</summary>
    public TrainState PlannedAgain(double minutes)
    {
        const double Spare = 0.04; // measured: the last minutes of a run were 5 % slower than the first
        var left = minutes * 60 - TrainedSeconds;
        var secondsPerStep = TrainedSeconds / Step * (1 + Spare + Spare * left / (minutes * 60));
        var steps = Step + System.Math.Max(1, (long)(left / secondsPerStep));
        return this with { Steps = steps, PlanAt = NextPlan(Step, steps) };
    }

    /// <summary>Whether the step that comes next is the first of the second stage.</summary>
    public bool BeginsSecondStage(PretrainOptions options) => Stage == 1 && Step >= options.SecondStage.From * Steps;

    /// <summary>The second stage draws other samples: it begins an epoch of its own.</summary>
    public TrainState InSecondStage() => this with { Stage = 2, Next = new LoaderPosition(Next.Epoch + 1, 0) };

    private static long NextPlan(long step, long steps)
    {
        const double Apart = 0.05; // a plan that moves the end moves the shares with it
        var share = System.Array.Find(Plans, p => p > (double)step / steps + Apart);
        return (long)(share * steps);
    }

    /// <summary>Publishes a checkpoint atomically and returns its folder.</summary>
    public string Save<TBatch>(CheckpointStore store, Trainer<TBatch> trainer) => store.Publish(Step, folder =>
    {
        TensorFile.Save(Path.Combine(folder, Model), trainer.Parameters.State);
        TensorFile.Save(Path.Combine(folder, Optimizer), trainer.OptimizerState());
        if (trainer.Average is { } average) { TensorFile.Save(Path.Combine(folder, Average), average.StateTensors()); }
        AtomicFile.WriteText(Path.Combine(folder, State), JsonSerializer.Serialize(this));
    });

    /// <summary>Loads the newest checkpoint that is whole.</summary>
    /// <exception cref="FlorenceException">None is.</exception>
    public static TrainState LoadNewest<TBatch>(CheckpointStore store, Trainer<TBatch> trainer)
    {
        var faults = new List<string>();
        foreach (var candidate in store.Candidates())
        {
            try { return Load(candidate, trainer); }
            catch (System.Exception e) when (e is CheckpointException or IOException or JsonException) { faults.Add(e.Message); }
        }

        throw new FlorenceException($"no checkpoint in {store.Folder} can be read: {string.Join("; ", faults)}");
    }

    private static TrainState Load<TBatch>(string folder, Trainer<TBatch> trainer)
    {
        var state = JsonSerializer.Deserialize<TrainState>(File.ReadAllText(Path.Combine(folder, State)))
            ?? throw new JsonException($"{State} in {folder} is empty");
        using var scope = TensorScope.Begin();
        var (model, optimizer) = (TensorFile.Load(Path.Combine(folder, Model)), TensorFile.Load(Path.Combine(folder, Optimizer)));
        _ = trainer.Parameters.Load(model);
        trainer.LoadOptimizerState(optimizer);
        trainer.Average?.LoadState(TensorFile.Load(Path.Combine(folder, Average)));
        return state;
    }
}
