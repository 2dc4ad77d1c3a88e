using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;

namespace FlorenceKernels.Data;

/// <summary>
/// Orders samples into batches. The order depends on (seed, epoch) alone. A share of each batch is drawn as pairs with the same
/// label: with uniform batches an anchor would almost never meet another image of its text, and UniCL's extra positives would not
/// occur. Every sample is drawn at most once an epoch; the incomplete last batch is dropped.
/// </summary>
public sealed class PairSampler
{
    private readonly int[] _samples;
    private readonly int[] _labels;
    private readonly double[] _shares;
    private readonly Dictionary<double, int> _quotas;
    private readonly Lock _gate = new();
    private readonly Dictionary<int, int[]> _orders = [];

    /// <param name="samples">Indices of the samples to draw from.</param>
    /// <param name="labels">The label of each of them, in the same order.</param>
    /// <param name="batchSize">Rows of a batch, over all ranks.</param>
    /// <param name="seed">Seed of the order.</param>
    /// <param name="sameTextShare">Share of a batch that is drawn as pairs of equal label, 0 to 1.</param>
    /// <param name="shares">For each sample the share, 0 to 1, of the samples like it (of equal share) that an epoch draws: others
    /// each time. Empty: every epoch draws all.</param>
    public PairSampler(ReadOnlySpan<int> samples, ReadOnlySpan<int> labels, int batchSize, ulong seed,
        double sameTextShare = 0.25, ReadOnlySpan<double> shares = default)
    {
        if (samples.Length != labels.Length)
            throw new ArgumentException($"There are {samples.Length} samples but {labels.Length} labels.", nameof(labels));
        _shares = Shares(shares, samples.Length);
        _quotas = _shares.GroupBy(s => s).ToDictionary(g => g.Key, g => (int)Math.Round(g.Key * g.Count()));
        Drawn = _quotas.Values.Sum();
        if (batchSize < 1 || batchSize > Drawn)
            throw new ArgumentOutOfRangeException(nameof(batchSize),
                $"Batch size {batchSize} must lie in 1..{Drawn}, the number " +
                "of samples; the last incomplete batch is dropped.");
        if (!(sameTextShare is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(sameTextShare),
                $"The same-text share {sameTextShare} must lie in 0..1.");
        _samples = samples.ToArray();
        _labels = labels.ToArray();
        (BatchSize, Seed, SameTextShare) = (batchSize, seed, sameTextShare);
    }

    /// <summary>
    /// A sampler over the samples <paramref name="indices"/> of <paramref name="dataset"/>, labelled by their text keys.
    /// <paramref name="sourceShares"/> names the sources of which an epoch draws a share only.
    /// </summary>
    public static PairSampler Over(PairDataset dataset, ReadOnlySpan<int> indices, int batchSize, ulong seed,
        double sameTextShare = 0.25, IReadOnlyDictionary<string, double>? sourceShares = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var labels = new int[indices.Length];
        var shares = new double[indices.Length];
        for (int i = 0; i < labels.Length; i++)
        {
            PairSample sample = dataset.Samples[indices[i]];
            labels[i] = sample.Label;
            shares[i] = sourceShares is not null && sourceShares.TryGetValue(sample.Source, out double share) ? share : 1;
        }

        return new PairSampler(indices, labels, batchSize, seed, sameTextShare, shares);
    }

    /// <summary>Rows of a batch, over all ranks.</summary>
    public int BatchSize { get; }

    /// <summary>Seed of the order.</summary>
    public ulong Seed { get; }

    /// <summary>Share of a batch that is drawn as same-label pairs, while pairs last.</summary>
    public double SameTextShare { get; }

    /// <summary>Number of samples to draw from.</summary>
    public int Count => _samples.Length;

    /// <summary>Number of samples that an epoch draws.</summary>
    public int Drawn { get; }

    /// <summary>Full batches in an epoch.</summary>
    public int BatchesPerEpoch => Drawn / BatchSize;

    /// <summary>Sample indices of batch <paramref name="batch"/> of epoch <paramref name="epoch"/>.</summary>
    public ReadOnlyMemory<int> Batch(int epoch, int batch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(batch);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(batch, BatchesPerEpoch);
        return Order(epoch).AsMemory(batch * BatchSize, BatchSize);
    }

    /// <summary>
    /// The index of a substitute for a sample that cannot be read: the <paramref name="attempt"/>-th draw for that position.
    /// </summary>
    internal int Substitute(SampleSeed seed, int attempt) =>
        _samples[new SplitMix(seed.Value(0x5B57 + (ulong)attempt)).Next(_samples.Length)];

    private int[] Order(int epoch)
    {
        lock (_gate)
        {
            if (_orders.TryGetValue(epoch, out int[]? order)) return order;
            // Prefetching straddles one epoch boundary at most, so two orders are enough; a resume or a rewind recomputes.
            if (_orders.Count >= 2) _orders.Clear();
            return _orders[epoch] = Build(epoch);
        }
    }

    private int[] Build(int epoch)
    {
        var random = new SplitMix(new SampleSeed(Seed, epoch, -1).Value());
        int batches = BatchesPerEpoch;
        int perBatch = (int)Math.Round(BatchSize * SameTextShare / 2, MidpointRounding.AwayFromZero);
        perBatch = Math.Min(perBatch, BatchSize / 2);
        int[] shuffled = Draw(ref random);

        List<(int, int)> pairs = perBatch == 0 ? []
            : DrawPairs(shuffled, ref random, Math.Min((long)perBatch * batches, int.MaxValue));
        var paired = new bool[_samples.Length];
        foreach ((int a, int b) in pairs) paired[a] = paired[b] = true;

        var order = new int[batches * BatchSize];
        int single = 0;
        for (int batch = 0; batch < batches; batch++)
        {
            Span<int> rows = order.AsSpan(batch * BatchSize, BatchSize);
            int from = (int)((long)batch * pairs.Count / batches);
            int to = (int)((long)(batch + 1) * pairs.Count / batches);
            int row = 0;
            for (int p = from; p < to; p++)
            {
                rows[row++] = _samples[pairs[p].Item1];
                rows[row++] = _samples[pairs[p].Item2];
            }

            for (; row < rows.Length; single++)
            {
                if (!paired[shuffled[single]]) rows[row++] = _samples[shuffled[single]];
            }

            random.Shuffle(rows);
        }

        return order;
    }

    private int[] Draw(ref SplitMix random)
    {
        int[] shuffled = [.. Enumerable.Range(0, _samples.Length)];
        random.Shuffle<int>(shuffled);
        var left = new Dictionary<double, int>(_quotas);
        return [.. shuffled.Where(i => left[_shares[i]]-- > 0)];
    }

    private static double[] Shares(ReadOnlySpan<double> shares, int samples)
    {
        if (shares.IsEmpty) return [.. Enumerable.Repeat(1.0, samples)];
        if (shares.Length != samples)
            throw new ArgumentException($"There are {samples} samples but {shares.Length} shares.", nameof(shares));
        foreach (double share in shares)
        {
            if (!(share is >= 0 and <= 1))
                throw new ArgumentOutOfRangeException(nameof(shares), $"The share {share} of a sample must lie in 0..1.");
        }

        return shares.ToArray();
    }

    /// <summary>
    /// Pairs off the members of each label in shuffled order and keeps <paramref name="wanted"/> of the pairs at random.
    /// </summary>
    private List<(int, int)> DrawPairs(int[] shuffled, ref SplitMix random, long wanted)
    {
        var waiting = new Dictionary<int, int>();
        var pairs = new List<(int, int)>();
        foreach (int item in shuffled)
        {
            if (waiting.Remove(_labels[item], out int partner)) pairs.Add((partner, item));
            else waiting.Add(_labels[item], item);
        }

        random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(pairs));
        if (pairs.Count > wanted) pairs.RemoveRange((int)wanted, pairs.Count - (int)wanted);
        return pairs;
    }
}
