using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Data;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class PairSamplerTests
{
    private static PairSampler Sampler(int count, int perLabel, int batch, ulong seed = 1, double share = 0.25) => new(
        Enumerable.Range(100, count).ToArray(), Enumerable.Range(0, count).Select(i => i / perLabel)
            .ToArray(), batch, seed, share);

    private static int[][] Epoch(PairSampler sampler, int epoch) =>
        Enumerable.Range(0, sampler.BatchesPerEpoch).Select(b => sampler.Batch(epoch, b).ToArray()).ToArray();

    [Fact]
    public void Order_depends_on_seed_and_epoch_alone()
    {
        PairSampler first = Sampler(500, 4, 32), second = Sampler(500, 4, 32);
        int[][] epoch3 = Epoch(first, 3);
        foreach (int other in new[] { 7, 0, 9 }) Epoch(second, other);
        Assert.Equal(epoch3, Epoch(second, 3));
        Assert.NotEqual(epoch3, Epoch(first, 4));
        Assert.NotEqual(epoch3, Epoch(Sampler(500, 4, 32, seed: 2), 3));
    }

    [Fact]
    public void Order_is_the_one_that_earlier_versions_drew() =>
        // Pinned from this code's first version: a resumed run must not see another order after an update.
        Assert.Equal([107, 111, 109, 104, 106], Sampler(12, 3, 5, seed: 42, share: 0.4).Batch(1, 0).ToArray());

    [Theory]
    [InlineData(500, 4, 32, 0.25)]
    [InlineData(501, 1, 10, 0.5)]
    [InlineData(64, 64, 64, 1.0)]
    [InlineData(97, 2, 7, 0.0)]
    public void Every_sample_comes_at_most_once_and_the_last_batch_is_dropped(int count, int perLabel, int batch, double share)
    {
        PairSampler sampler = Sampler(count, perLabel, batch, share: share);
        int[] drawn = Epoch(sampler, 2).SelectMany(b => b).ToArray();
        Assert.Equal(count / batch * batch, drawn.Length);
        Assert.Equal(drawn.Length, drawn.Distinct().Count());
        Assert.All(drawn, i => Assert.InRange(i, 100, 99 + count));
    }

    [Theory]
    [InlineData(0.25, 4)]
    [InlineData(0.5, 8)]
    [InlineData(1.0, 16)]
    public void A_batch_holds_the_asked_share_of_same_text_pairs(double share, int pairs)
    {
        PairSampler sampler = Sampler(3200, 2, 32, share: share);
        Assert.All(Epoch(sampler, 0), rows => Assert.True(Pairs(rows) >= pairs, $"{Pairs(rows)} pairs of {pairs}"));
    }

    [Fact]
    public void Of_samples_with_a_share_each_epoch_draws_that_many_and_others_each_time()
    {
        int[] samples = [.. Enumerable.Range(0, 300)];
        double[] shares = [.. samples.Select(i => i < 100 ? 0.4 : 1)];
        var sampler = new PairSampler(samples, samples, 24, 3, 0, shares);
        Assert.Equal((240, 10), (sampler.Drawn, sampler.BatchesPerEpoch));
        int[][] epochs = [.. Enumerable.Range(0, 12).Select(e => Epoch(sampler, e).SelectMany(b => b).ToArray())];
        Assert.All(epochs, drawn => Assert.Equal((240, 40), (drawn.Distinct().Count(), drawn.Count(i => i < 100))));
        Assert.Equal(300, epochs.SelectMany(e => e).Distinct().Count());
    }

    [Fact]
    public void Shares_that_are_no_shares_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new PairSampler([1, 2], [1, 2], 1, 1, 0, [1, 1.5]));
        Assert.Throws<ArgumentException>(() => new PairSampler([1, 2], [1, 2], 1, 1, 0, [1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PairSampler([1, 2], [1, 2], 1, 1, 0, [0, 0]));
    }

    [Fact]
    public void Without_a_share_pairs_meet_by_chance_only()
    {
        double pairs = Epoch(Sampler(3200, 2, 32, share: 0), 0).Average(Pairs);
        Assert.True(pairs < 1, $"{pairs} pairs a batch; about {32.0 * 31 / 2 / 3199:0.00} are expected");
    }

    [Fact]
    public void Few_pairs_are_spread_over_the_epoch()
    {
        int[] labels = Enumerable.Range(0, 640).Select(i => i < 20 ? i / 2 : i).ToArray(); // ten pairs for twenty batches
        var sampler = new PairSampler(Enumerable.Range(0, 640).ToArray(), labels, 32, 5);
        int[] pairs = Epoch(sampler, 0).Select(rows => rows.GroupBy(r => labels[r]).Count(g => g.Count() == 2)).ToArray();
        Assert.Equal(10, pairs.Sum());
        Assert.True(pairs.Max() <= 1);
    }

    [Theory]
    [InlineData(0, 0.25)]
    [InlineData(11, 0.25)]
    [InlineData(4, 1.5)]
    [InlineData(4, double.NaN)]
    public void False_settings_are_refused(int batch, double share) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Sampler(10, 2, batch, share: share));

    [Fact]
    public void Sample_seeds_differ_in_every_coordinate()
    {
        var values = new HashSet<ulong>();
        for (ulong seed = 0; seed < 4; seed++)
        {
            for (int epoch = 0; epoch < 4; epoch++)
            {
                for (int position = 0; position < 64; position++)
                {
                    for (ulong stream = 0; stream < 4; stream++) values.Add(new SampleSeed(seed, epoch, position).Value(stream));
                }
            }
        }

        Assert.Equal(4 * 4 * 64 * 4, values.Count);
    }

    private static int Pairs(int[] rows) => rows.GroupBy(r => (r - 100) / 2).Count(g => g.Count() == 2);
}
