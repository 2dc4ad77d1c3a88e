using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using FlorenceKernels.Data;
using FlorenceKernels.Datasets;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class ShapeScenesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("shapes").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private ShapeOptions Options(string name, ulong seed = 3) => new()
    {
        Output = Path.Combine(_folder, name),
        Seed = seed,
        Train = 120,
        ValRetrieval = 12,
        TestRetrieval = 20,
        PerClass = 1,
        Side = 32,
    };

    [Fact]
    public void The_same_seed_writes_the_same_bytes()
    {
        ShapeScenes.Build(Options("a"));
        ShapeScenes.Build(Options("b"));
        ShapeScenes.Build(Options("c", seed: 4));
        foreach (string file in new[] { "images.rgba", "manifest.jsonl" })
        {
            Assert.Equal(Bytes("a", file), Bytes("b", file));
            Assert.NotEqual(Bytes("a", file), Bytes("c", file));
        }
    }

    [Fact]
    public void Every_split_has_what_was_asked_and_held_out_captions_do_not_train()
    {
        BuildReport report = ShapeScenes.Build(Options("a"));
        Assert.Equal([("test-retrieval", 20), ("test-vendor", 64), ("train", 120), ("val-retrieval", 12), ("val-vendor", 64)],
            report.Splits.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => (p.Key, p.Value)));
        using PairDataset dataset = PairDataset.Open(Path.Combine(_folder, "a"));
        HashSet<string> train = dataset.Indices(PairSplit.Train).Select(i => dataset.Samples[i].Key).ToHashSet();
        PairSample[] retrieval = dataset.Samples.Where(s => s.Split is PairSplit.TestRetrieval or PairSplit.ValRetrieval)
            .ToArray();
        Assert.All(retrieval, s => Assert.DoesNotContain(s.Key, train));
        Assert.Equal(retrieval.Length, retrieval.Select(s => s.Key).Distinct().Count());
        Assert.Equal(64, dataset.Samples.Where(s => s.Split == PairSplit.TestVendor).Select(s => s.Key).Distinct().Count());
    }

    [Fact]
    public void A_finished_set_is_not_built_again()
    {
        ShapeScenes.Build(Options("a"));
        string images = Path.Combine(_folder, "a", "images.rgba");
        DateTime written = File.GetLastWriteTimeUtc(images);
        Thread.Sleep(20);
        ShapeScenes.Build(Options("a"));
        Assert.Equal(written, File.GetLastWriteTimeUtc(images));
        ShapeScenes.Build(Options("a", seed: 9));
        Assert.NotEqual(written, File.GetLastWriteTimeUtc(images));
    }

    [Fact]
    public void A_sentence_of_two_shapes_is_true_of_the_picture()
    {
        const int side = 64;
        var options = new ShapeOptions
        {
            Output = "",
            Train = 300,
            ValRetrieval = 0,
            TestRetrieval = 0,
            PerClass = 0,
            Side = side
        };
        int told = 0;
        foreach ((PairSample sample, byte[] rgba) in ShapeScenes.Generate(options))
        {
            Colour[] named = Named(sample.Text);
            if (sample.Group != "two shapes" || named[0] == named[1]) continue;
            (float x0, float y0) = Middle(rgba, side, named[0]);
            (float x1, float y1) = Middle(rgba, side, named[1]);
            Assert.True(sample.Subgroup == "above" ? y0 < y1 : x0 < x1, sample.Text);
            told++;
        }

        Assert.True(told > 50);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public void Every_kind_of_shape_covers_its_own_area(int kind)
    {
        // Areas in units of the squared radius, by hand: pi, 1.64^2, ...
        double star = 5 * 0.42 * Math.Sin(Math.PI / 5), cross = 4 * 0.6 * 0.95 - 0.36;
        double[] areas = [Math.PI, 1.64 * 1.64, 1.75 * 1.75 / 1.75, 2 / 1.35, star, cross, 0.7 * Math.PI, 1.5 * Math.Sqrt(3)];
        const int n = 800;
        int inside = 0;
        for (int i = 0; i < n * n; i++)
        {
            float u = (i % n + 0.5f) * 3 / n - 1.5f, v = (i / n + 0.5f) * 3 / n - 1.5f;
            if (Shape.Inside((ShapeKind)kind, u, v)) inside++;
        }

        Assert.Equal(areas[kind], inside * 9.0 / (n * n), 0.01 * areas[kind]);
    }

    private byte[] Bytes(string set, string file) => File.ReadAllBytes(Path.Combine(_folder, set, file));

    private static Colour[] Named(string sentence) =>
        sentence.Split(' ', ',').Where(w => ShapeScenes.Colours.Any(c => c.Name == w))
            .Select(w => ShapeScenes.Colours.First(c => c.Name == w)).ToArray();

    private static (float X, float Y) Middle(byte[] rgba, int side, Colour colour)
    {
        int count = 0, x = 0, y = 0;
        for (int i = 0; i < side * side; i++)
        {
            if (rgba[i * 4] != colour.R || rgba[i * 4 + 1] != colour.G || rgba[i * 4 + 2] != colour.B) continue;
            (count, x, y) = (count + 1, x + i % side, y + i / side);
        }

        Assert.True(count > 0, $"no {colour.Name} pixel");
        return ((float)x / count, (float)y / count);
    }
}
