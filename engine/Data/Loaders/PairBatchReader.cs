using System;

namespace FlorenceKernels.Data;

/// <summary>Turns the RGBA bytes of one sample into floats, drawing its randomness from <paramref name="seed"/> alone.</summary>
/// <param name="sample">The sample.</param>
/// <param name="rgba">Its pixels: RGBA bytes, straight alpha, rows from the top.</param>
/// <param name="seed">Addresses the randomness of this draw.</param>
/// <param name="destination">One row of the batch, to be filled completely.</param>
public delegate void PairTransform(PairSample sample, ReadOnlySpan<byte> rgba, SampleSeed seed, Span<float> destination);

/// <summary>One batch of pairs as plain arrays.</summary>
/// <param name="Position">Which batch it is.</param>
/// <param name="Pixels">The transformed images, one after the other.</param>
/// <param name="Samples">The sample in each row, substitutes included.</param>
/// <param name="Seeds">The randomness of each row, for templates and other draws on the text.</param>
public sealed record PairBatch(LoaderPosition Position, float[] Pixels, PairSample[] Samples, SampleSeed[] Seeds);

/// <summary>
/// The loading function of a training run: checks each sample's pixels, transforms them, and puts another sample of the set in
/// place of a damaged one, so that a batch always has its full size.
/// </summary>
public sealed class PairBatchReader
{
    private const int MaxAttempts = 16;
    private readonly PairDataset _dataset;
    private readonly PairTransform _transform;
    private readonly int _rowSize;

    /// <param name="dataset">Where the samples are.</param>
    /// <param name="rowSize">Floats of one transformed image.</param>
    /// <param name="transform">Fills one row; it may throw <see cref="System.IO.InvalidDataException"/> to have the sample
    /// skipped.</param>
    public PairBatchReader(PairDataset dataset, int rowSize, PairTransform transform)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(transform);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowSize, 1);
        (_dataset, _rowSize, _transform) = (dataset, rowSize, transform);
    }

    /// <summary>Loads the rows of <paramref name="plan"/>.</summary>
    public PairBatch Load(BatchPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        int rows = plan.Samples.Length;
        var batch = new PairBatch(plan.Position, new float[checked(rows * _rowSize)], new PairSample[rows], new SampleSeed[rows]);
        for (int row = 0; row < rows; row++)
        {
            batch.Seeds[row] = plan.SeedOf(row);
            batch.Samples[row] = Fill(plan, row, batch.Seeds[row], batch.Pixels.AsSpan(row * _rowSize, _rowSize));
        }

        return batch;
    }

    private PairSample Fill(BatchPlan plan, int row, SampleSeed seed, Span<float> destination)
    {
        int index = plan.Samples.Span[row];
        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            PairSample sample = _dataset.Samples[index];
            string? fault = Transform(sample, seed, destination);
            if (fault is null) return sample;
            plan.Skip(index, sample.Id, fault);
            index = plan.Substitute(row, attempt);
        }

        throw new TooManySkippedException($"{MaxAttempts} samples in a row could not be used, the last of them " +
            $"'{_dataset.Samples[index].Id}'; build the cache '{_dataset.Directory}' again.");
    }

    private string? Transform(PairSample sample, SampleSeed seed, Span<float> destination)
    {
        if (!_dataset.IsIntact(sample.Index)) return "the pixels do not have the checksum that was written with them";
        try
        {
            _transform(sample, _dataset.Pixels(sample.Index), seed, destination);
            return null;
        }
        catch (System.IO.InvalidDataException error)
        {
            return error.Message;
        }
    }
}
