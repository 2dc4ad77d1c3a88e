using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Models;
using FlorenceKernels.Optim;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>Five training steps of CoSwin and the text tower under the UniCL loss: losses, gradient norms and final weights.</summary>
public sealed class TrainKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["train"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        using var set = run.NewParameters();
        var model = new Models.Florence(Config(run), set.Root);
        run.Load(set);
        var exempt = run["no_decay"].Deserialize<string[]>()!.ToHashSet();
        var o = run["optimizer"];
        using var optimizer = new AdamW(WeightDecayRules.Apply(set, (name, _) => !exempt.Contains(name)), new AdamWOptions
        {
            Beta1 = o.GetProperty("betas")[0].GetDouble(),
            Beta2 = o.GetProperty("betas")[1].GetDouble(),
            Epsilon = o.GetProperty("eps").GetDouble(),
            WeightDecay = o.GetProperty("weight_decay").GetDouble(),
        });
        var rates = run["lrs"].Deserialize<double[]>()!;
        for (var step = 0; step < rates.Length; step++)
        {
            using var scope = TensorScope.Begin();
            var loss = model.Loss(run.In($"image.{step}"), run.In($"input_ids.{step}"), run.In($"labels.{step}"));
            run.Compare($"out.loss.{step}", [loss.Item()], run.Case.Limit("loss"));
            loss.Backward();
            run.Compare($"out.grad_norm.{step}", [ClipGradNorm.Apply(set, run["clip_grad_norm"].GetDouble())], run.Case.Limit("grad_norm"));
            optimizer.Step(rates[step]);
            set.ZeroGrad();
        }

        foreach (var name in run.Case.Names("out.param."))
        {
            run.Compare($"out.param.{name}", set[name].To(DType.F64).ToArray<double>(), run.Case.Limit("param"));
        }
    }

    private static FlorenceConfig Config(GoldenRun run) => new()
    {
        Image = VisionTowerKind.Config(run["coswin"], EmbedKind.Convolution, run["img_size"].GetInt32()),
        Text = UniClTextKind.Config(run["text"]) with { LayerNormEps = run["text_ln_eps"].GetDouble() },
        EmbedDim = run["dim_projection"].GetInt32(),
    };
}
