using System.Collections.Generic;
using System.IO;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>The contrastive loss against the reference cases, and what the rows can not see: both sums, ranks, threads,
/// memory.</summary>
[Collection(nameof(CpuSettings))]
public sealed class ContrastiveLossTests
{
    public static IEnumerable<TheoryDataRow<string, string>> Golden =>
        from device in TestDevices.Names
        from name in GoldenDirectory.Cases("01_unicl")
        select new TheoryDataRow<string, string>(device, name);

    public static IEnumerable<TheoryDataRow<string>> Devices => TestDevices.Names.Select(d => new TheoryDataRow<string>(d));

    [Theory(SkipTestWithoutData = true), MemberData(nameof(Golden))]
    public void Loss_sums_and_gradients_match_the_reference(string device, string name)
    {
        using var scope = TensorScope.Begin();
        var file = GoldenFile.Open(Path.Combine(GoldenDirectory.Find()!, "01_unicl", $"{name}.safetensors"));
        var on = TestDevices.Open(device);
        foreach (var dtype in new[] { DType.F64, DType.F32 })
        {
            var inputs = new[] { "u", "v", "logit_scale" }.ToDictionary(n => n, n => Leaf(file, $"in.{n}", dtype, on));
            var labels = Tensor.From(file.Longs("in.labels"), file.Shape("in.labels"), on);
            var (u, v) = (F.L2Normalize(inputs["u"]), F.L2Normalize(inputs["v"]));
            var state = Contrastive.Forward(u, v, inputs["logit_scale"], labels);
            var sums = Doubles(state.Sums);
            Agrees(file.Compare("out.i2t_sum", sums[0]));
            Agrees(file.Compare("out.t2i_sum", sums[1]));
            var loss = F.ContrastiveLoss(inputs["u"], inputs["v"], inputs["logit_scale"], labels);
            Agrees(file.Compare("out.loss", Doubles(loss)));
            loss.Backward(Leaf(file, "cot.loss", dtype, on).Detach());
            foreach (var (n, x) in inputs)
            {
                Agrees(file.Compare($"grad.in.{n}", Doubles(x.Grad!)));
                x.ZeroGrad();
            }
        }
    }

    // What ranks will do: each has its own rows and all columns, statistics are merged, column gradients summed.
    [Theory, MemberData(nameof(Devices))]
    public void Rows_in_three_parts_give_the_loss_and_gradients_of_the_whole(string device)
    {
        using var scope = TensorScope.Begin();
        using var noGrad = GradMode.NoGrad();
        var on = TestDevices.Open(device);
        Tensor u = Tensor.Normal([41, 5], 0, 1, 1, 0, DType.F64, on), v = Tensor.Normal([41, 5], 0, 1, 2, 0, DType.F64, on);
        Tensor scale = Tensor.Scalar(0.7, DType.F64, on), one = Tensor.Scalar(1, DType.F64, on);
        var classes = LabelClasses.Of(Tensor.From([.. Enumerable.Range(0, 41).Select(i => (long)(i % 9))], [41]), on);
        var whole = Run([new ContrastivePairs(u, v, scale, classes, 0)], one);
        (int First, int Count)[] ranks = [(0, 13), (13, 1), (14, 27)];
        var parts = Run([.. ranks.Select(r => new ContrastivePairs(u.Slice(0, r.First, r.Count), v, scale, classes, r.First))],
            one);
        foreach (var (expected, actual) in whole.Zip(parts)) { Assert.Equal(expected.Length, actual.Length); }
        foreach (var (expected, actual) in whole.Zip(parts))
        {
            Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, 1e-12));
        }
    }

    [Fact]
    public void Bits_do_not_depend_on_the_number_of_threads()
    {
        var count = CpuThreads.Count;
        try
        {
            var runs = new[] { 1, 2, 3 }.Select(threads =>
            {
                CpuThreads.Count = threads;
                return LossAndGradients(Device.Cpu, 771, 70);
            }).ToArray();
            Assert.Equal(runs[0], runs[1]);
            Assert.Equal(runs[0], runs[2]);
        }
        finally { CpuThreads.Count = count; }
    }

    [Fact]
    public void Memory_stays_below_an_eighth_of_the_similarity_matrix()
    {
        const int pairs = 4096, width = 32;
        using var scope = TensorScope.Begin();
        Tensor u = Unit(pairs, width, 1), v = Unit(pairs, width, 2);
        var labels = Tensor.From([.. Enumerable.Range(0, pairs).Select(i => (long)i)], [pairs]);
        var before = Device.Cpu.Allocator.Statistics.InUse;
        Device.Cpu.Allocator.ResetPeak();
        F.ContrastiveLoss(u, v, Tensor.Scalar(1), labels).Backward();
        Assert.InRange(Device.Cpu.Allocator.Statistics.Peak - before, 1, (long)pairs * pairs * sizeof(float) / 8);
        u.ZeroGrad();
        v.ZeroGrad();
    }

    private static List<double[]> Run(ContrastivePairs[] ranks, Tensor one)
    {
        var statistics = ranks.Select(r => r.Statistics()).ToArray();
        var tau = System.Math.Exp(ranks[0].LogScale.Item());
        double[][] maxima = [.. statistics.Select(s => Doubles(s.ColumnMax))], sums =
            [.. statistics.Select(s => Doubles(s.ColumnSum))];
        double[] max = [.. maxima[0].Select((_, j) => maxima.Max(m => m[j]))];
        double[] sum = [.. max.Select((m, j) => maxima.Select((r, k) => sums[k][j] * System.Math.Exp(tau * (r[j] - m))).Sum())];
        Tensor merged(double[] values) => Tensor.From(values, [values.Length], one.Device);
        double[] shares = [0, 0], columns = new double[ranks[0].Columns.Count];
        var rows = new List<double>();
        foreach (var (rank, s) in ranks.Zip(statistics))
        {
            Tensor lse = Tensor.EmptyLike(s.ColumnMax), loss = Tensor.EmptyLike(one);
            var share = Tensor.Zeros([2], DType.F64, one.Device);
            var all = s with { ColumnMax = merged(max), ColumnSum = merged(sum) };
            Kernel.Run(one, new ContrastiveFinish(rank, all, lse, share, loss));
            var (dRows, dColumns) = rank.Gradients(s.RowLse, lse, one);
            rows.AddRange(Doubles(dRows!));
            shares = [.. shares.Zip(Doubles(share), (a, b) => a + b)];
            columns = [.. columns.Zip(Doubles(dColumns!), (a, b) => a + b)];
        }

        return [shares, [.. rows], columns];
    }

    private static int[] LossAndGradients(Device device, int pairs, int width)
    {
        using var scope = TensorScope.Begin();
        Tensor u = Unit(pairs, width, 1, device), v = Unit(pairs, width, 2, device), scale = Tensor.Scalar(2, DType.F32, device);
        scale.RequiresGrad = true;
        var loss = F.ContrastiveLoss(u, v, scale,
            Tensor.From([.. Enumerable.Range(0, pairs).Select(i => (long)(i % 100))], [pairs]));
        loss.Backward();
        Tensor[] results = [loss, u.Grad!, v.Grad!, scale.Grad!];
        int[] bits = [.. results.SelectMany(t => t.ToArray<float>()).Select(System.BitConverter.SingleToInt32Bits)];
        foreach (var x in new[] { u, v, scale }) { x.ZeroGrad(); }
        return bits;
    }

    private static Tensor Unit(int pairs, int width, ulong seed, Device? device = null)
    {
        var x = Tensor.Normal([pairs, width], 0, 1, seed, 0, DType.F32, device);
        x.RequiresGrad = true;
        return x;
    }

    private static Tensor Leaf(GoldenFile file, string name, DType dtype, Device device)
    {
        var leaf = Tensor.FromDoubles(file.Doubles(name), file.Shape(name), dtype, device);
        leaf.RequiresGrad = true;
        return leaf;
    }

    private static double[] Doubles(Tensor t)
    {
        using var scope = TensorScope.Begin();
        return t.Detach().To(DType.F64).ToArray<double>();
    }

    private static void Agrees(GoldenComparison comparison) => Assert.True(comparison.Agrees, comparison.ToString());
}
