using System;
using System.Collections.Generic;

namespace FlorenceKernels.Data;

/// <summary>
/// The next batch that a loader will hand out; saved with a checkpoint and given back to resume inside an epoch.
/// </summary>
/// <param name="Epoch">Epoch, from 0.</param>
/// <param name="Batch">Batch within the epoch, from 0.</param>
public readonly record struct LoaderPosition(int Epoch, int Batch);

/// <summary>A sample that was left out, and why.</summary>
/// <param name="Epoch">Epoch in which it was drawn.</param>
/// <param name="Batch">Batch in which it was drawn.</param>
/// <param name="Sample">Index of the sample.</param>
/// <param name="Id">Name of the sample.</param>
/// <param name="Reason">What was wrong with it.</param>
public sealed record SkippedSample(int Epoch, int Batch, int Sample, string Id, string Reason);

/// <summary>
/// What a batch is made of: the rows of this rank. A loading function reads it and reports what it had to skip.
/// </summary>
public sealed class BatchPlan
{
    private readonly List<SkippedSample> _skips = [];
    private readonly PairSampler _sampler;
    private readonly int _firstRow;

    internal BatchPlan(PairSampler sampler, LoaderPosition position, ReadOnlyMemory<int> rows, int firstRow) =>
        (_sampler, Position, Samples, _firstRow) = (sampler, position, rows, firstRow);

    /// <summary>Which batch this is.</summary>
    public LoaderPosition Position { get; }

    /// <summary>Sample indices of the rows.</summary>
    public ReadOnlyMemory<int> Samples { get; }

    internal IReadOnlyList<SkippedSample> Skips => _skips;

    /// <summary>
    /// The randomness of row <paramref name="row"/>: the same on every rank layout, thread count and resumed run.
    /// </summary>
    public SampleSeed SeedOf(int row) =>
        new(_sampler.Seed, Position.Epoch, (long)Position.Batch * _sampler.BatchSize + _firstRow + row);

    /// <summary>Reports a sample that cannot be used; the loader counts and logs it when the batch is handed out.</summary>
    public void Skip(int sample, string id, string reason) =>
        _skips.Add(new SkippedSample(Position.Epoch, Position.Batch, sample, id, reason));

    /// <summary>
    /// A sample to take in place of an unusable one in <paramref name="row"/>; each <paramref name="attempt"/> gives another.
    /// </summary>
    public int Substitute(int row, int attempt) => _sampler.Substitute(SeedOf(row), attempt);
}
