using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Models;
using FlorenceKernels.Nn;
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
            Beta1 = o.GetProperty("betas")[0].GetDouble(), Beta2 = o.GetProperty("betas")[1].GetDouble(),
            Epsilon = o.GetProperty("eps").GetDouble(), WeightDecay = o.GetProperty("weight_decay").GetDouble(),
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

    // The file names no model settings: they follow from the shapes of the weights.
    private static FlorenceConfig Config(GoldenRun run)
    {
        Shape Of(string name) => run.Case.Shape($"param.{name}");
        int Count(string prefix) => run.Case.Names($"param.{prefix}").Select(n => n.Split('.')[0]).Distinct().Count();
        var stages = Count("image_encoder.layers.");
        var blocks = Enumerable.Range(0, stages).Select(i => Count($"image_encoder.layers.{i}.blocks.")).ToArray();
        var tables = Enumerable.Range(0, stages).Select(i => Of($"image_encoder.layers.{i}.blocks.0.attn.relative_position_bias_table")).ToArray();
        var heads = tables.Select(t => t[1]).ToArray();
        var width = Of("text_encoder.positional_embedding")[1];
        return new FlorenceConfig
        {
            Image = new CoSwinConfig
            {
                EmbedDim = Of("image_encoder.patch_embed.proj.weight")[0], Depths = [.. blocks], Heads = [.. heads],
                Window = ((int)System.Math.Round(System.Math.Sqrt(tables[0][0])) + 1) / 2, ImageSize = run.Case.Shape("in.image.0")[2],
            },
            Text = new TextConfig
            {
                Width = width, Heads = run.Get("text_heads", TextHeads(run)), Layers = Count("text_encoder.resblocks."), Context = Of("text_encoder.positional_embedding")[0],
                Vocabulary = Of("text_encoder.token_embedding.weight")[0], LayerNormEps = 1e-12, ClipInit = false,
            },
            EmbedDim = Of("image_projection")[1],
        };
    }

    private static int TextHeads(GoldenRun run) => run.Case.Config.TryGetProperty("text", out var text) && text.TryGetProperty("HEADS", out var heads) ? heads.GetInt32() : 2;
}
