using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using FlorenceKernels.Data;
using FlorenceKernels.Datasets;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class PairPipelineTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pipeline").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Shapes()
    {
        string path = Path.Combine(_folder, "set");
        ShapeScenes.Build(new ShapeOptions
        {
            Output = path,
            Train = 64,
            ValRetrieval = 4,
            TestRetrieval = 4,
            PerClass = 1,
            Side = 16
        });
        return path;
    }

    private static void First(PairSample sample, ReadOnlySpan<byte> rgba, SampleSeed seed, Span<float> destination)
    {
        destination[0] = sample.Index;
        destination[1] = rgba[0];
        destination[2] = seed.Value() % 1000;
    }

    [Fact]
    public void A_batch_holds_each_row_of_its_plan()
    {
        using PairDataset dataset = PairDataset.Open(Shapes());
        PairSampler sampler = PairSampler.Over(dataset, dataset.Indices(PairSplit.Train), 16, 5);
        using var loader = new PrefetchLoader<PairBatch>(sampler, new PairBatchReader(dataset, 3, First).Load,
            new PrefetchOptions { Epochs = 1 });
        Assert.True(loader.TryNext(out PairBatch batch, TestContext.Current.CancellationToken));
        Assert.Equal(sampler.Batch(0, 0).ToArray(), batch.Samples.Select(s => s.Index));
        for (int row = 0; row < 16; row++)
        {
            Assert.Equal(new SampleSeed(5, 0, row), batch.Seeds[row]);
            Assert.Equal([batch.Samples[row].Index, dataset.Pixels(batch.Samples[row].Index)[0], batch.Seeds[row].Value() % 1000],
                batch.Pixels[(row * 3)..(row * 3 + 3)]);
        }
    }

    [Fact]
    public void Sampler_over_a_data_set_draws_the_share_of_a_named_source_only()
    {
        using PairDataset dataset = PairDataset.Open(Shapes());
        int[] train = dataset.Indices(PairSplit.Train).ToArray();
        string source = dataset.Samples[train[0]].Source;
        int of = train.Count(i => dataset.Samples[i].Source == source);
        PairSampler Over(string name) => PairSampler.Over(dataset, train, 4, 5, 0, new Dictionary<string, double> { [name] = 0.5 });
        Assert.Equal(train.Length - of + (int)Math.Round(0.5 * of), Over(source).Drawn);
        Assert.Equal(train.Length, Over("nobody").Drawn);
    }

    [Fact]
    public void A_damaged_sample_is_replaced_counted_and_listed_the_same_way_on_any_threads()
    {
        string path = Shapes();
        var damaged = new[] { 3, 20 };
        Damage(path, damaged);
        using PairDataset dataset = PairDataset.Open(path);
        string[] logs = new string[2];
        List<int[]>[] rows = [[], []];
        for (int run = 0; run < 2; run++)
        {
            string list = Path.Combine(_folder, $"skipped{run}.jsonl");
            var log = new SkipLog(list);
            PairSampler sampler = PairSampler.Over(dataset, dataset.Indices(PairSplit.Train), 16, 5);
            using var loader = new PrefetchLoader<PairBatch>(sampler, new PairBatchReader(dataset, 3, First).Load,
                new PrefetchOptions { Epochs = 1, Threads = 1 + run * 3, Skips = log });
            while (loader.TryNext(out PairBatch batch, TestContext.Current.CancellationToken)) rows[run]
                .Add(batch.Samples.Select(s => s.Index).ToArray());
            Assert.True(log.Skipped >= 2);
            logs[run] = File.ReadAllText(list);
        }

        Assert.Equal(rows[0], rows[1]);
        Assert.Equal(logs[0], logs[1]);
        Assert.Contains("checksum", logs[0]);
        Assert.All(rows[0], batch => Assert.Empty(batch.Intersect(damaged)));
        Assert.Equal(64, rows[0].Sum(b => b.Length));
    }

    [Fact]
    public void A_set_damaged_throughout_stops_the_run()
    {
        string path = Shapes();
        Damage(path, Enumerable.Range(0, 64).ToArray());
        using PairDataset dataset = PairDataset.Open(path);
        PairSampler sampler = PairSampler.Over(dataset, dataset.Indices(PairSplit.Train), 16, 5);
        using var loader = new PrefetchLoader<PairBatch>(sampler, new PairBatchReader(dataset, 3, First).Load);
        Assert.Throws<TooManySkippedException>(() => loader.TryNext(out _));
    }

    [Fact]
    public void A_transform_may_refuse_a_sample()
    {
        using PairDataset dataset = PairDataset.Open(Shapes());
        PairSampler sampler = PairSampler.Over(dataset, dataset.Indices(PairSplit.Train), 64, 5);
        var reader = new PairBatchReader(dataset, 1, (sample, _, _, row) =>
        {
            if (sample.Index == 7) throw new InvalidDataException("refused");
            row[0] = 1;
        });
        using var loader = new PrefetchLoader<PairBatch>(sampler, reader.Load, new PrefetchOptions { Epochs = 1 });
        Assert.True(loader.TryNext(out PairBatch batch, TestContext.Current.CancellationToken));
        Assert.DoesNotContain(batch.Samples, s => s.Index == 7);
        Assert.Equal(1, loader.Skips.Skipped);
        Assert.All(batch.Pixels, v => Assert.Equal(1f, v));
    }

    [Fact]
    public void The_nearest_picture_bar_finds_copies_and_not_strangers()
    {
        string path = Path.Combine(_folder, "bar");
        List<(PairSample Sample, byte[] Rgba)> scenes = ShapeScenes.Generate(
            new ShapeOptions { Output = "", Train = 200, ValRetrieval = 0, TestRetrieval = 0, PerClass = 0, Side = 32 })
            .Where(s => s.Sample.Group == "one shape").DistinctBy(s => s.Sample.Key).Take(20).ToList();
        using (var writer = new PairCacheWriter(path, 32, 32))
        {
            foreach ((PairSample sample, byte[] rgba) in scenes) writer.Add(sample, rgba);
            for (int i = 0; i < scenes.Count; i++)
            {
                PairSample own = scenes[i].Sample;
                writer.Add(own with { Id = "copy/" + i, Split = PairSplit.TestVendor, Scored = true }, scenes[i].Rgba);
                writer.Add(own with { Id = "other/" + i, Split = PairSplit.ValVendor, Scored = true },
                    scenes[(i + 1) % scenes.Count].Rgba);
            }

            writer.Commit();
        }

        using PairDataset dataset = PairDataset.Open(path);
        BarScore[] scores = NearestBar.Score(dataset).Where(s => s.Images > 0).ToArray();
        Assert.Equal((20, 20, 20), (scores.Single(s => s.Name == "test-vendor").Top1, scores[0].Images, scores[0].Classes));
        Assert.Equal(0, scores.Single(s => s.Name == "val-vendor").Top1);
    }

    [Fact]
    public void Rasterizer_keeps_aspect_and_alpha_and_cuts_margins()
    {
        byte[] wide = Encoding.UTF8.GetBytes(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 40 20\"><rect width=\"20\" height=\"20\" " +
                "fill=\"#f00\"/></svg>");
        byte[] plain = Rasterizer.Draw(wide, ImageFormat.Svg, 32, trim: false);
        Assert.Equal([255, 0, 0, 255], Pixel(plain, 4, 16));
        Assert.Equal(0, Pixel(plain, 24, 16)[3]);
        Assert.Equal(0, Pixel(plain, 4, 2)[3]); // above the 2:1 drawing
        byte[] cut = Rasterizer.Draw(wide, ImageFormat.Svg, 32, trim: true);
        Assert.All(new[] { (1, 1), (30, 1), (1, 30), (30, 30) }, p =>
            Assert.Equal([255, 0, 0, 255], Pixel(cut, p.Item1, p.Item2)));

        static byte[] Pixel(byte[] rgba, int x, int y) => rgba[((y * 32 + x) * 4)..((y * 32 + x) * 4 + 4)];
    }

    [Theory]
    [InlineData("<svg")]
    [InlineData("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\"/>")] // nothing drawn
    public void An_image_that_cannot_be_drawn_is_reported_not_thrown(string svg)
    {
        var bad = new SourceImage
        {
            Id = "x",
            Source = "s",
            Licence = "l",
            Text = "t",
            Key = "k",
            KnownConcept = false,
            Format = ImageFormat.Svg,
            Data = Encoding.UTF8.GetBytes(svg),
        };
        (byte[]? rgba, string? fault) = Assert.Single(
            Rasterizer.DrawAll([bad], 32, 1, null, TestContext.Current.CancellationToken));
        Assert.Null(rgba);
        Assert.False(string.IsNullOrEmpty(fault));
    }

    private static void Damage(string path, int[] indices)
    {
        using FileStream file = File.Open(Path.Combine(path, "images.rgba"), FileMode.Open);
        foreach (int index in indices)
        {
            file.Position = 64 + index * 16L * 16 * 4 + 9;
            int old = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(old ^ 0x10));
        }
    }
}
