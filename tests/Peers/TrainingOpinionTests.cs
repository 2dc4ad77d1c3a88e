using System;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Optim;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using TorchSharp;
using Xunit;
using AdamW = FlorenceKernels.Optim.AdamW;
using BatchNorm2d = FlorenceKernels.Nn.BatchNorm2d;
using Parameter = TorchSharp.Modules.Parameter;

namespace FlorenceKernels.Tests.Peers;

/// <summary>What changes from step to step of a training, against libtorch: optimiser state and running statistics.</summary>
public sealed class TrainingOpinionTests
{
    private static readonly int[] Shape = [3, 7], Map = [4, 3, 5, 6];

    [Theory, InlineData(false), InlineData(true)]
    public void AdamW_agrees_when_a_parameter_gets_gradients_late_and_with_gaps(bool amsgrad)
    {
        Opinion.RequireLibtorch();
        using var set = new ParameterSet(Device.Cpu, 1, DType.F64);
        var names = new[] { "early", "late" };
        foreach (var name in names) { _ = set.Root.Get(name, Shape, Init.Normal(1)); }
        var theirs = names.Select(n => new Parameter(torch.tensor(set[n].ToArray<double>(), [3, 7]))).ToArray();
        using var ours = new AdamW(WeightDecayRules.Apply(set, (_, _) => true),
            new AdamWOptions { WeightDecay = 0.1, Amsgrad = amsgrad });
        using var peer = torch.optim.AdamW(theirs, 0.02, 0.9, 0.999, 1e-8, 0.1, amsgrad);
        for (var step = 0; step < 9; step++)
        {
            for (var i = 0; i < names.Length; i++)
            {
                // The second parameter has gradients in steps 4, 5, 7 and 8 only.
                var values = i == 1 && step is (< 4 or 6) ? null : Draw(Shape.Aggregate((a, b) => a * b), 10 * step + i);
                set[names[i]].ZeroGrad();
                if (values is not null) { set[names[i]].SetGrad(Tensor.From(values, Shape)); }
                theirs[i].grad = values is null ? null : torch.tensor(values, [3, 7]);
            }

            ours.Step(0.02);
            _ = peer.step();
            for (var i = 0; i < names.Length; i++)
            {
                var (mine, wanted) = (set[names[i]].ToArray<double>(), Doubles(theirs[i]));
                Opinion.Near($"{names[i]} after step {step}", DType.F64, mine, wanted, 1e-12);
            }
        }
    }

    [Fact]
    public void BatchNorm2d_and_its_running_statistics_agree()
    {
        Opinion.RequireLibtorch();
        using var set = new ParameterSet(Device.Cpu, 1, DType.F64) { IsTraining = true };
        var ours = new BatchNorm2d(Map[1], set.Root, momentum: 0.3);
        using var peer = torch.nn.BatchNorm2d(Map[1], 1e-5, 0.3, dtype: torch.float64);
        using var scope = TensorScope.Begin();
        for (var step = 0; step < 4; step++)
        {
            if (step == 3)
            {
                set.IsTraining = false;
                peer.eval();
            }

            var values = Draw(Map.Aggregate((a, b) => a * b), step);
            var y = ours.Forward(Tensor.From(values, Map));
            var wanted = Doubles(peer.call(torch.tensor(values, [4, 3, 5, 6])));
            Opinion.Near($"output of step {step}", DType.F64, y.ToArray<double>(), wanted, 1e-12);
            Opinion.Near("running_mean", DType.F64, set["running_mean"].ToArray<double>(), Doubles(peer.running_mean!), 1e-12);
            Opinion.Near("running_var", DType.F64, set["running_var"].ToArray<double>(), Doubles(peer.running_var!), 1e-12);
        }
    }

    private static double[] Draw(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 4 * random.NextDouble() - 1.5)];
    }

    private static double[] Doubles(torch.Tensor t) => t.detach().contiguous().data<double>().ToArray();
}
