using System;
using System.IO;
using System.Linq;
using FlorenceKernels.Data;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using FlorenceKernels.Training;
using Xunit;

namespace FlorenceKernels.Tests.Models;

public sealed class ExtraTextsTests : IDisposable
{
    private const int Start = 90, End = 91, Context = 4;

    private readonly string _folder = Directory.CreateTempSubdirectory("extra-texts").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Loss_with_extra_texts_is_the_mean_cross_entropy_over_all_columns()
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(seed: 4, dtype: DType.F64);
        var model = new Florence(Config(), set.Root);
        var images = Tensor.Normal([3, 3, 32, 32], 0, 1, 5, dtype: DType.F64);
        long[] labels = [7, 8, 7], extraLabels = [9, 8];
        Tensor ids = Tensor.From(Ids(5, 6, 5), [3, Context]), extra = Tensor.From(Ids(10, 11), [2, Context]);
        double[][] u = Rows(model.EncodeImage(images)), v = [.. Rows(model.EncodeText(ids)), .. Rows(model.EncodeText(extra))];
        var scale = Math.Exp(model.LogitScale.Item());
        var expected = (CrossEntropy(u, v, labels, [.. labels, .. extraLabels], scale) + CrossEntropy(v[..3], u, labels, labels, scale)) / 2;

        var loss = model.Loss(images, ids, Tensor.From(labels, [3]), extra, Tensor.From(extraLabels, [2]));
        Assert.Equal(expected, loss.Item(), 1e-10);
        loss.Backward();
        Assert.NotNull(model.LogitScale.Grad);
    }

    [Fact]
    public void Loss_without_extra_texts_is_the_unified_contrastive_loss()
    {
        using var scope = TensorScope.Begin();
        using var set = new ParameterSet(seed: 4, dtype: DType.F64);
        var model = new Florence(Config(), set.Root);
        var images = Tensor.Normal([3, 3, 32, 32], 0, 1, 5, dtype: DType.F64);
        Tensor ids = Tensor.From(Ids(5, 6, 5), [3, Context]), labels = Tensor.From<long>([7, 8, 7], [3]);
        var none = model.Loss(images, ids, labels, ids.Slice(0, 0, 0), labels.Slice(0, 0, 0));
        Assert.Equal(model.Loss(images, ids, labels).Item(), none.Item(), 1e-10);
    }

    [Fact]
    public void Draws_are_distinct_shared_names_that_depend_on_the_seed_alone()
    {
        var folder = CliTests.SmallData(_folder);
        using var data = PairDataset.Open(folder);
        var train = data.Indices(PairSplit.Train);
        var tokenizer = new ClipTokenizer(BpeTrainer.Train([.. train.Select(i => data.Samples[i].Text)], 600));
        var shared = train.Select(i => (long)data.Samples[i].Label).GroupBy(l => l).Where(g => g.Count() > 1).Select(g => g.Key).ToHashSet();
        Assert.NotEmpty(shared);
        const int Long = 64; // half of it holds every text
        var texts = new ExtraTexts(data, train, tokenizer, Long, 5);
        var (ids, labels) = texts.Draw(new SampleSeed(1, 2, 3));
        Assert.Equal(Math.Min(5, shared.Count), labels.Distinct().Count());
        Assert.All(labels, l => Assert.Contains(l, shared));
        for (var row = 0; row < labels.Length; row++)
        {
            var text = data.Samples.First(s => s.Label == labels[row] && s.Split == PairSplit.Train).Text;
            Assert.Equal(tokenizer.EncodePadded(text, Long).Ids.Select(i => (long)i), ids.AsSpan(row * Long, Long).ToArray());
        }

        Assert.Equal(labels, new ExtraTexts(data, train, tokenizer, Long, 5).Draw(new SampleSeed(1, 2, 3)).Labels);
        Assert.Contains(Enumerable.Range(4, 20), p => !texts.Draw(new SampleSeed(1, 2, p)).Labels.SequenceEqual(labels));
        Assert.Empty(new ExtraTexts(data, train, tokenizer, 2, 5).Draw(new SampleSeed(1, 2, 3)).Labels);
    }

    [Fact]
    public void Shares_of_sources_that_the_data_lacks_or_that_leave_no_batch_are_refused()
    {
        using var data = PairDataset.Open(CliTests.SmallData(_folder));
        var none = new PretrainOptions { BatchSize = 8 };
        PairBatches.RequireBatch(data, none); // openclipart is a share by default and need not be there
        var source = data.Samples[0].Source;
        string Refusal(string name, double share) => Assert.Throws<FlorenceException>(()
            => PairBatches.RequireBatch(data, none with { SourceShares = none.SourceShares.SetItem(name, share) })).Message;
        Assert.Contains($"'{source}s', which the data does not have; its sources are: {source}", Refusal(source + "s", 0.5), StringComparison.Ordinal);
        Assert.Contains("less than one batch of 8", Refusal(source, 0.001), StringComparison.Ordinal);
    }

    private static double CrossEntropy(double[][] rows, double[][] columns, long[] rowLabels, long[] columnLabels, double scale)
    {
        var sum = 0.0;
        for (var i = 0; i < rows.Length; i++)
        {
            double[] s = [.. columns.Select(c => scale * c.Zip(rows[i], (a, b) => a * b).Sum())];
            var logSum = Math.Log(s.Sum(Math.Exp));
            int[] positives = [.. Enumerable.Range(0, s.Length).Where(j => columnLabels[j] == rowLabels[i])];
            sum -= positives.Average(j => s[j] - logSum);
        }

        return sum / rows.Length;
    }

    private static double[][] Rows(Tensor x) => [.. x.ToArray<double>().Chunk(x.Shape[1])];

    private static long[] Ids(params long[] words) => [.. words.SelectMany(w => new[] { Start, w, w + 20, End })];

    private static FlorenceConfig Config() => new()
    {
        EmbedDim = 12,
        Text = new TextConfig { Vocabulary = 92, Context = Context, Width = 8, Heads = 2, Layers = 1 },
        Image = new CoSwinConfig { EmbedDim = 16, Depths = [1, 1], Heads = [2, 4], Window = 4, ImageSize = 32 },
    };
}
