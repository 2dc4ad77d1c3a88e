using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Data;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Training;

/// <summary>One batch on the host, ready for a device.</summary>
/// <param name="Position">Which batch of which epoch.</param> <param name="Images">[B, 3, S, S].</param> <param name="Ids">[B, N].</param>
/// <param name="Labels">[B]; equal labels are positives.</param> <param name="SampleIds">Names of the samples, for errors.</param>
/// <param name="ExtraIds">[M, N], texts without images; M may be 0.</param> <param name="ExtraLabels">[M].</param>
public sealed record ImageTextBatch(LoaderPosition Position, float[] Images, long[] Ids, long[] Labels, string[] SampleIds,
    long[] ExtraIds, long[] ExtraLabels);

/// <summary>Training batches in an order that depends on seed and epoch only.</summary>
public sealed class PairBatches : IDisposable
{
    private readonly PrefetchLoader<ImageTextBatch> _loader;

    /// <summary>Starts loading at <paramref name="start"/>.</summary>
    public PairBatches(PairDataset dataset, ClipTokenizer tokenizer, PretrainOptions options, int resolution, int context, LoaderPosition start, string? skipFile)
    {
        var train = dataset.Indices(PairSplit.Train);
        var sampler = PairSampler.Over(dataset, train, options.BatchSize, options.Seed, options.SameTextShare, options.SourceShares);
        var augmentation = new PairAugmentation(options.Augmentation, resolution);
        var reader = new PairBatchReader(dataset, augmentation.RowSize, augmentation.Train);
        var text = new PairText(options, PromptTemplates.DrawnArt);
        var extra = new ExtraTexts(dataset, train, tokenizer, context, options.ExtraTexts);
        _loader = new PrefetchLoader<ImageTextBatch>(sampler, plan => Encode(reader.Load(plan), tokenizer, text, extra, context),
            new PrefetchOptions { Start = start, Threads = 1, Skips = new SkipLog(skipFile) });
        BatchesPerEpoch = sampler.BatchesPerEpoch;
    }

    /// <summary>Refuses settings with which an epoch would not draw one batch, and shares of sources that the data has not.</summary>
    /// <exception cref="FlorenceException">It would not, or it has not.</exception>
    public static void RequireBatch(PairDataset dataset, PretrainOptions options)
    {
        var train = dataset.Indices(PairSplit.Train);
        var sources = train.Select(i => dataset.Samples[i].Source).ToHashSet();
        // What is a share by default may be absent: not everybody has every collection.
        var unknown = options.SourceShares.Keys.Except(new PretrainOptions().SourceShares.Keys).FirstOrDefault(k => !sources.Contains(k));
        if (unknown is not null)
        {
            throw new FlorenceException($"sourceShares names '{unknown}', which the data does not have; its sources are: "
                + string.Join(", ", sources.Order(StringComparer.Ordinal)));
        }

        var drawn = train.Sum(i => options.SourceShares.GetValueOrDefault(dataset.Samples[i].Source, 1));
        if (Math.Round(drawn) >= options.BatchSize) { return; }
        throw new FlorenceException($"an epoch draws {drawn:0} of the {train.Length} pairs of the training split, less than one batch of {options.BatchSize}; "
            + "use a smaller batchSize or larger sourceShares");
    }

    /// <summary>Batches of one pass over the data.</summary>
    public int BatchesPerEpoch { get; }

    /// <summary>The batch that comes next; saved for an exact resume.</summary>
    public LoaderPosition Position => _loader.Position;

    /// <summary>Samples skipped as damaged so far.</summary>
    public long Skipped => _loader.Skips.Skipped;

    /// <summary>The next batch.</summary>
    public ImageTextBatch Next() => _loader.TryNext(out var batch) ? batch : throw new FlorenceException("the loader has no more batches");

    /// <inheritdoc/>
    public void Dispose() => _loader.Dispose();

    private static ImageTextBatch Encode(PairBatch batch, ClipTokenizer tokenizer, PairText text, ExtraTexts extra, int context)
    {
        var ids = new long[batch.Samples.Length * context];
        for (var row = 0; row < batch.Samples.Length; row++)
        {
            var encoded = tokenizer.EncodePadded(text.Draw(batch.Samples[row], batch.Seeds[row]), context);
            for (var n = 0; n < context; n++) { ids[row * context + n] = encoded.Ids[n]; }
        }

        var (extraIds, extraLabels) = extra.Draw(batch.Seeds[0]);
        return new ImageTextBatch(batch.Position, batch.Pixels, ids, [.. batch.Samples.Select(s => (long)s.Label)], [.. batch.Samples.Select(s => s.Id)],
            extraIds, extraLabels);
    }
}

/// <summary>The batches of a run's stages, one after the other.</summary>
internal sealed class StagedBatches(Func<TrainState, PairBatches> open, TrainState start) : IDisposable
{
    private PairBatches _batches = open(start);

    /// <summary>The batch that comes next.</summary>
    public LoaderPosition Position => _batches.Position;

    /// <summary>The next batch.</summary>
    public ImageTextBatch Next() => _batches.Next();

    /// <summary>Goes over to the batches of <paramref name="state"/>.</summary>
    public void Open(TrainState state)
    {
        _batches.Dispose();
        _batches = open(state);
    }

    public void Dispose() => _batches.Dispose();
}

/// <summary>A task: a model, its loss, and what goes into a batch. The trainer never learns what it trains.</summary>
/// <typeparam name="TBatch">What the loss is computed from.</typeparam>
public interface ITrainingTask<in TBatch>
{
    /// <summary>The loss of a batch, a scalar in the graph.</summary>
    Tensor Loss(TBatch batch);

    /// <summary>The samples of a batch by name, for the message when its loss is not finite.</summary>
    string Describe(TBatch batch);
}

/// <summary>Contrastive pre-training of the two towers.</summary>
public sealed class PairTask(Models.Florence model, Device device, DType dtype) : ITrainingTask<ImageTextBatch>
{
    /// <inheritdoc/>
    public Tensor Loss(ImageTextBatch batch)
    {
        var size = batch.Labels.Length;
        var side = (int)Math.Sqrt(batch.Images.Length / 3 / size);
        using var scope = TensorScope.Begin();
        var images = Tensor.From(batch.Images, [size, 3, side, side], device).To(dtype);
        var context = batch.Ids.Length / size;
        var (ids, labels) = (Tensor.From(batch.Ids, [size, context], device), Tensor.From(batch.Labels, [size], device));
        if (batch.ExtraLabels.Length is 0) { return scope.Keep(model.Loss(images, ids, labels)); }
        var extra = batch.ExtraLabels.Length;
        return scope.Keep(model.Loss(images, ids, labels, Tensor.From(batch.ExtraIds, [extra, context], device),
            Tensor.From(batch.ExtraLabels, [extra], device)));
    }

    /// <inheritdoc/>
    public string Describe(ImageTextBatch batch) =>
        $"epoch {batch.Position.Epoch}, batch {batch.Position.Batch}: {string.Join(", ", batch.SampleIds.Take(16))}{(batch.SampleIds.Length > 16 ? ", …" : "")}";
}
