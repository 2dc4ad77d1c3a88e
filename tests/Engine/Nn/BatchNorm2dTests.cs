using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Checkpoints;
using FlorenceKernels.Nn;
using FlorenceKernels.Optim;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>The module with its running statistics: how they move, who uses them, and that they are kept but not
/// trained.</summary>
[Collection(nameof(CpuSettings))]
public sealed class BatchNorm2dTests
{
    private static readonly int[] Map = [3, 5, 4, 7];

    public static TheoryData<string> Devices => [.. TestDevices.Names];

    [Theory, MemberData(nameof(Devices))]
    public void Running_statistics_follow_the_batches_of_training_only(string device)
    {
        using var set = new ParameterSet(TestDevices.Open(device), 1) { IsTraining = true };
        var norm = new BatchNorm2d(Map[1], set.Root, eps: 1e-3, momentum: 0.2);
        using var scope = TensorScope.Begin();
        double[] mean = new double[Map[1]], variance = [.. Enumerable.Repeat(1.0, Map[1])];
        for (var step = 0; step < 3; step++)
        {
            var x = Input(set.Device, step);
            var y = Doubles(norm.Forward(x));
            for (var c = 0; c < Map[1]; c++)
            {
                var values = Channel(Doubles(x), c);
                var (m, sum) = (values.Average(), values.Sum(v => Math.Pow(v - values.Average(), 2)));
                mean[c] = 0.8 * mean[c] + 0.2 * m;
                variance[c] = 0.8 * variance[c] + 0.2 * sum / (values.Length - 1);
                Near(values.Select(v => (v - m) / Math.Sqrt(sum / values.Length + 1e-3)), Channel(y, c));
            }

            Near(mean, Doubles(set["running_mean"]));
            Near(variance, Doubles(set["running_var"]));
        }

        set.IsTraining = false;
        var late = Input(set.Device, 9);
        var normal = Doubles(norm.Forward(late));
        for (var c = 0; c < Map[1]; c++)
        {
            Near(Channel(Doubles(late), c).Select(v => (v - mean[c]) / Math.Sqrt(variance[c] + 1e-3)), Channel(normal, c));
        }

        Near(mean, Doubles(set["running_mean"]));
        Near(variance, Doubles(set["running_var"]));
    }

    [Fact]
    public void Buffers_are_saved_and_averaged_but_neither_trained_nor_counted()
    {
        using var folder = new TemporaryFolder();
        using ParameterSet trained = Trained(), loaded = new(Device.Cpu, 7);
        _ = new BatchNorm2d(Map[1], loaded.Root["norm"]);
        Assert.Equal(["norm.weight", "norm.bias"], trained.Names);
        Assert.Equal(["norm.running_mean", "norm.running_var"], trained.Buffers.Select(b => b.Key));
        Assert.Equal(2 * Map[1], trained.Count);
        using var adamw = new AdamW(trained);
        Assert.DoesNotContain(adamw.Parameters, p => p.Name.Contains("running", StringComparison.Ordinal));
        using var average = new Ema(trained, 0.9);
        Assert.Equal(trained.State.Select(p => p.Key), average.Named.Select(p => p.Key));

        TensorFile.Save(folder["model.safetensors"], trained.State);
        using var scope = TensorScope.Begin();
        var source = TensorFile.Load(folder["model.safetensors"]);
        _ = loaded.Load(source);
        foreach (var (name, value) in trained.State) { Assert.Equal(value.ToArray<float>(), loaded[name].ToArray<float>()); }
        source.Remove("norm.running_var");
        var e = Assert.Throws<FlorenceException>(() => loaded.Load(source));
        Assert.Contains("missing norm.running_var", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Map_of_another_rank_is_refused_with_a_sentence()
    {
        using var set = new ParameterSet();
        var norm = new BatchNorm2d(4, set.Root);
        var e = Assert.Throws<ShapeException>(() => norm.Forward(Tensor.Ones([2, 4])));
        Assert.Contains("expected [B, C, H, W]", e.Message, StringComparison.Ordinal);
    }

    private static ParameterSet Trained()
    {
        var set = new ParameterSet(Device.Cpu, 3) { IsTraining = true };
        var norm = new BatchNorm2d(Map[1], set.Root["norm"]);
        using var scope = TensorScope.Begin();
        _ = norm.Forward(Input(Device.Cpu, 1));
        return set;
    }

    private static Tensor Input(Device device, int step) =>
        Tensor.Normal(Map, step, 1 + step, 11, (ulong)step, DType.F32, device);

    private static double[] Channel(double[] map, int channel)
    {
        var positions = Map[2] * Map[3];
        return [.. Enumerable.Range(0, Map[0]).SelectMany(b => map.Skip((b * Map[1] + channel) * positions).Take(positions))];
    }

    private static double[] Doubles(Tensor t) => t.Detach().To(DType.F64).ToArray<double>();

    private static void Near(IEnumerable<double> expected, double[] actual) =>
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5 * Math.Max(1, Math.Abs(pair.First))));
}
