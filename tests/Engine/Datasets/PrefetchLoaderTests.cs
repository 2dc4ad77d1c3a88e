using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using FlorenceKernels.Data;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class PrefetchLoaderTests
{
    private static PairSampler Sampler(int count = 100, int batch = 8) =>
        new(Enumerable.Range(0, count).ToArray(), Enumerable.Range(0, count).Select(i => i / 4).ToArray(), batch, 11);

    private sealed record Loaded(LoaderPosition Position, int[] Samples, ulong[] Random);

    private static Loaded Load(BatchPlan plan)
    {
        // Later batches are quicker, so that threads finish out of order.
        Thread.Sleep(plan.Position.Batch % 3 == 0 ? 3 : 0);
        return new Loaded(plan.Position, plan.Samples.ToArray(), Enumerable.Range(0, plan.Samples.Length)
            .Select(r => plan.SeedOf(r).Value()).ToArray());
    }

    private static List<Loaded> Drain(PrefetchOptions options, Func<BatchPlan, Loaded>? load = null)
    {
        using var loader = new PrefetchLoader<Loaded>(Sampler(), load ?? Load, options);
        var all = new List<Loaded>();
        while (loader.TryNext(out Loaded batch, TestContext.Current.CancellationToken)) all.Add(batch);
        return all;
    }

    private static string Print(IEnumerable<Loaded> batches) =>
        string.Join('\n', batches.Select(b => $"{b.Position}: {string.Join(' ', b.Samples)} | {string.Join(' ', b.Random)}"));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(5, 2)]
    [InlineData(8, 16)]
    public void Batches_are_the_same_whatever_the_threads(int threads, int ahead)
    {
        List<Loaded> got = Drain(new PrefetchOptions { Threads = threads, Ahead = ahead, Epochs = 3 });
        PairSampler sampler = Sampler();
        Assert.Equal(36, got.Count);
        for (int i = 0; i < got.Count; i++)
        {
            Assert.Equal(new LoaderPosition(i / 12, i % 12), got[i].Position);
            Assert.Equal(sampler.Batch(i / 12, i % 12).ToArray(), got[i].Samples);
        }

        Assert.Equal(Print(Drain(new PrefetchOptions { Threads = 3, Ahead = 3, Epochs = 3 })), Print(got));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(12)]
    [InlineData(20)]
    public void A_run_resumed_inside_an_epoch_goes_on_exactly(int after)
    {
        LoaderPosition saved;
        using (var loader = new PrefetchLoader<Loaded>(Sampler(), Load, new PrefetchOptions { Threads = 2, Epochs = 3 }))
        {
            for (int i = 0; i < after; i++) Assert.True(loader.TryNext(out _, TestContext.Current.CancellationToken));
            saved = loader.Position;
        }

        Assert.Equal(new LoaderPosition(after / 12, after % 12), saved);
        List<Loaded> whole = Drain(new PrefetchOptions { Threads = 1, Epochs = 3 });
        List<Loaded> rest = Drain(new PrefetchOptions { Threads = 3, Epochs = 3, Start = saved });
        Assert.Equal(Print(whole.Skip(after)), Print(rest));
    }

    [Fact]
    public void Ranks_share_a_batch_without_changing_it()
    {
        List<Loaded> whole = Drain(new PrefetchOptions { Epochs = 1 });
        List<Loaded>[] parts = [.. Enumerable.Range(0, 4)
            .Select(r => Drain(new PrefetchOptions { Epochs = 1, Rank = r, WorldSize = 4 }))];
        for (int b = 0; b < whole.Count; b++)
        {
            Assert.Equal(whole[b].Samples, parts.SelectMany(p => p[b].Samples));
            Assert.Equal(whole[b].Random, parts.SelectMany(p => p[b].Random));
        }
    }

    [Fact]
    public void No_more_batches_are_loaded_ahead_than_asked()
    {
        int begun = 0;
        using var loader = new PrefetchLoader<int>(Sampler(), plan => Interlocked.Increment(ref begun),
            new PrefetchOptions { Threads = 4, Ahead = 3, Epochs = 5 });
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref begun) >= 3, TimeSpan.FromSeconds(20)));
        Thread.Sleep(50);
        Assert.Equal(3, Volatile.Read(ref begun));
        loader.TryNext(out _, TestContext.Current.CancellationToken);
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref begun) >= 4, TimeSpan.FromSeconds(20)));
        Thread.Sleep(50);
        Assert.Equal(4, Volatile.Read(ref begun));
    }

    [Fact]
    public void An_exception_comes_out_at_the_place_of_its_batch()
    {
        using var loader = new PrefetchLoader<Loaded>(Sampler(),
            plan => plan.Position.Batch == 2 ? throw new InvalidOperationException("planted")
                : Load(plan), new PrefetchOptions { Threads = 3 });
        Assert.True(loader.TryNext(out _, TestContext.Current.CancellationToken));
        Assert.True(loader.TryNext(out _, TestContext.Current.CancellationToken));
        Assert.Equal("planted", Assert.Throws<InvalidOperationException>(() => loader.TryNext(out _)).Message);
        Assert.True(loader.TryNext(out Loaded next, TestContext.Current.CancellationToken));
        Assert.Equal(new LoaderPosition(0, 3), next.Position);
    }

    [Fact]
    public void Cancelling_a_wait_loses_no_batch()
    {
        using var open = new ManualResetEventSlim();
        using var loader = new PrefetchLoader<Loaded>(Sampler(), plan =>
            { open.Wait(); return Load(plan); }, new PrefetchOptions { Threads = 2 });
        using var cancel = new CancellationTokenSource(50);
        Assert.ThrowsAny<OperationCanceledException>(() => loader.TryNext(out _, cancel.Token));
        open.Set();
        Assert.True(loader.TryNext(out Loaded batch, TestContext.Current.CancellationToken));
        Assert.Equal(new LoaderPosition(0, 0), batch.Position);
    }

    [Fact]
    public void Dispose_ends_the_threads_and_drops_what_was_loaded()
    {
        int alive = 0;
        var loader = new PrefetchLoader<Counted>(Sampler(), _ =>
            new Counted(() => Interlocked.Decrement(ref alive), () => Interlocked.Increment(ref alive)),
            new PrefetchOptions { Threads = 3, Ahead = 5 });
        Assert.True(loader.TryNext(out Counted batch, TestContext.Current.CancellationToken));
        loader.Dispose();
        Assert.Equal(1, Volatile.Read(ref alive));
        batch.Dispose();
        Assert.Equal(0, Volatile.Read(ref alive));
        Assert.Throws<ObjectDisposedException>(() => loader.TryNext(out _));
    }

    [Fact]
    public void Skips_are_counted_and_listed_when_their_batch_is_handed_out()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("skips").FullName, "skipped.jsonl");
        var log = new SkipLog(path, maxRate: 0.5);
        var options = new PrefetchOptions { Threads = 4, Ahead = 8, Epochs = 1, Skips = log };
        using (var loader = new PrefetchLoader<int>(Sampler(), plan =>
            { plan.Skip(plan.Samples.Span[0], "id " + plan.Position.Batch, "planted"); return 0; }, options))
        {
            for (int i = 0; i < 3; i++) loader.TryNext(out _, TestContext.Current.CancellationToken);
        }

        Assert.Equal((24L, 3L), (log.Seen, log.Skipped));
        string[] lines = File.ReadAllLines(path);
        Assert.Equal(3, lines.Length);
        int first = Sampler().Batch(0, 1).Span[0];
        Assert.Equal($$"""{"epoch":0,"batch":1,"sample":{{first}},"id":"id 1","reason":"planted"}""", lines[1]);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [Theory]
    [InlineData(0.05, 10, false)]
    [InlineData(0.05, 11, true)]
    [InlineData(0.0, 1, true)]
    public void A_run_stops_above_the_rate(double rate, int bad, bool stops)
    {
        var log = new SkipLog(null, rate);
        SkippedSample[] skips = Enumerable.Range(0, bad).Select(i => new SkippedSample(0, 0, i, "id", "why")).ToArray();
        if (stops)
            Assert.Contains("above the limit", Assert.Throws<TooManySkippedException>(() => log.Record(200, skips)).Message);
        else log.Record(200, skips);
        Assert.Equal(bad, log.Skipped);
    }

    [Fact]
    public void A_bad_stretch_late_in_a_run_is_not_averaged_away()
    {
        var log = new SkipLog(null, 0.05);
        for (int i = 0; i < 100; i++) log.Record(1000, []);
        SkippedSample[] half = Enumerable.Range(0, 500).Select(i => new SkippedSample(0, 0, i, "id", "why")).ToArray();
        Assert.Throws<TooManySkippedException>(() => log.Record(1000, half));
    }

    [Fact]
    public void A_start_outside_the_epoch_is_refused() => Assert.Contains("differ from the run that saved " +
        "it", Assert.Throws<ArgumentException>(
        () => new PrefetchLoader<Loaded>(Sampler(), Load, new PrefetchOptions { Start = new LoaderPosition(0, 13) })).Message);

    private sealed class Counted : IDisposable
    {
        private readonly Action _gone;

        public Counted(Action gone, Action made)
        {
            _gone = gone;
            made();
        }

        public void Dispose() => _gone();
    }
}
