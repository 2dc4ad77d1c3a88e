using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Nn;
using FlorenceKernels.Optim;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>Ten steps of an optimiser on given gradients. Tolerances are 1e-9, so everything runs in f64.</summary>
public sealed class OptimizerKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["optimizer"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var names = run.Case.Names("in.param.").ToArray();
        var parameters = names.Select(n => new OptimizedParameter(n, Leaf(run, $"in.param.{n}"), run.Case.Shape($"in.param.{n}").Length > 1)).ToArray();
        using var optimizer = Make(run, parameters);
        var rates = run.Get<double[]?>("lrs", null);
        for (var step = 0; step < run["steps"].GetInt32(); step++)
        {
            foreach (var p in parameters) { p.Tensor.SetGrad(run.Case.Tensor($"in.grad.{step}.{p.Name}", run.Device, DType.F64)); }
            if (run.Get<double?>("clip_grad_norm", null) is { } max) { run.Compare($"out.grad_norm.{step}", ClipGradNorm.Apply(parameters.Select(p => p.Tensor), max)); }
            optimizer.Step(rates is null ? run["lr"].GetDouble() : rates[step]);
            foreach (var p in parameters) { run.Compare($"out.param.{step}.{p.Name}", p.Tensor); }
        }

        foreach (var p in parameters) { p.Tensor.ZeroGrad(); }
    }

    private static Tensor Leaf(GoldenRun run, string name)
    {
        var p = run.Case.Tensor(name, run.Device, DType.F64);
        p.RequiresGrad = true;
        return p;
    }

    private static Optimizer Make(GoldenRun run, OptimizedParameter[] parameters)
    {
        var decay = run["weight_decay"].GetDouble();
        double Beta(int i) => run["betas"][i].GetDouble();
        return run["optimizer"].GetString()!.Split(' ')[0] switch
        {
            "sgd" => new Sgd(parameters, new SgdOptions(run["momentum"].GetDouble(), decay, run.Get("nesterov", false))),
            "lamb" => new Lamb(parameters, new LambOptions(Beta(0), Beta(1), run["eps"].GetDouble(), decay, run["max_grad_norm"].GetDouble())),
            var adam => new AdamW(parameters, new AdamWOptions
            {
                Beta1 = Beta(0),
                Beta2 = Beta(1),
                Epsilon = run["eps"].GetDouble(),
                WeightDecay = decay,
                Amsgrad = run.Get("amsgrad", false),
                IsCoupled = adam == "adam",
            }),
        };
    }
}

/// <summary>Clipping by a global norm.</summary>
public sealed class ClipKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["clip_grad_norm"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var leaves = run.Case.Names("in.grad.").ToDictionary(n => n, n =>
        {
            var leaf = Tensor.Zeros(run.Case.Shape($"in.grad.{n}"), DType.F64, run.Device);
            leaf.RequiresGrad = true;
            leaf.SetGrad(run.Case.Tensor($"in.grad.{n}", run.Device, DType.F64));
            return leaf;
        });
        var type = run["norm_type"].ValueKind == JsonValueKind.String ? double.PositiveInfinity : run["norm_type"].GetDouble();
        run.Compare("out.norm", ClipGradNorm.Apply(leaves.Values, run["max_norm"].GetDouble(), type));
        foreach (var (name, leaf) in leaves)
        {
            run.Compare($"out.grad.{name}", leaf.Grad!);
            leaf.ZeroGrad();
        }
    }
}

/// <summary>Moving averages.</summary>
public sealed class EmaKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["ema"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        using var set = new ParameterSet(run.Device, 0, DType.F64);
        var p = set.Root.Get("p", run.Case.Shape("in.ema0"), Init.Zeros);
        p.Assign(run.Case.Tensor("in.ema0", run.Device, DType.F64));
        using var average = new Ema(set, run["decay"].GetDouble(), warms: false);
        foreach (var step in run.Case.Names("in.param.").Select(int.Parse).Order())
        {
            p.Assign(run.Case.Tensor($"in.param.{step}", run.Device, DType.F64));
            average.Update(set);
            run.Compare($"out.ema.{step}", average.Named.Single().Value);
        }
    }
}

/// <summary>Learning-rate schedules of timm, open_clip and Hugging Face, and linear drop-path rates.</summary>
public sealed class SchedulesFile : IGoldenJson
{
    /// <inheritdoc/>
    public string File => "13_optim/schedules.json";

    /// <inheritdoc/>
    public int Run(string path)
    {
        using var file = JsonDocument.Parse(System.IO.File.ReadAllBytes(path));
        var compared = 0;
        foreach (var schedule in file.RootElement.GetProperty("schedules").EnumerateObject())
        {
            if (schedule.Name == "drop_path")
            {
                foreach (var row in schedule.Value.EnumerateArray()) { DropPathRates(path, row, ref compared); }
                continue;
            }

            var steps = schedule.Value.GetProperty("steps").EnumerateArray().ToArray();
            var rates = schedule.Value.GetProperty("lr").EnumerateArray().ToArray();
            for (var i = 0; i < steps.Length; i++)
            {
                GoldenJson.Near(path, $"{schedule.Name} at step {steps[i]}", Rate(schedule.Name, schedule.Value, steps[i].GetInt64()), rates[i].GetDouble(), 1e-12, ref compared);
            }
        }

        return compared;
    }

    private static void DropPathRates(string path, JsonElement row, ref int compared)
    {
        var ours = DropPath.LinearRates(row.GetProperty("blocks").GetInt32(), row.GetProperty("rate").GetDouble());
        foreach (var (expected, i) in row.GetProperty("values").EnumerateArray().Select((v, i) => (v.GetDouble(), i)))
        {
            GoldenJson.Near(path, $"drop path of block {i} of {ours.Length}", ours[i], expected, 1e-12, ref compared);
        }
    }

    private static double Rate(string name, JsonElement s, long step)
    {
        double N(string key) => s.GetProperty(key).GetDouble();
        long I(string key) => s.GetProperty(key).GetInt64();
        return name switch
        {
            "timm_cosine_prefix_false" => LrSchedules.TimmCosine(step, I("t_initial"), I("warmup"), N("base_lr"), N("min_lr"), N("warmup_init")),
            "timm_cosine_prefix_true" => LrSchedules.TimmCosine(step, I("t_initial"), I("warmup"), N("base_lr"), N("min_lr"), N("warmup_init"), prefix: true),
            "open_clip_cosine" => LrSchedules.OpenClipCosine(step, I("total"), I("warmup"), N("base_lr")),
            "open_clip_const" => LrSchedules.OpenClipConstant(step, I("warmup"), N("base_lr")),
            "open_clip_const_cooldown" => LrSchedules.OpenClipCooldown(step, I("total"), I("warmup"), I("cooldown_steps"), N("base_lr"), N("cooldown_power"), N("cooldown_end_lr")),
            "hf_polynomial_meter" => LrSchedules.Polynomial(step, I("total"), I("warmup"), N("base_lr"), N("end_lr"), N("power")),
            "hf_cosine" => LrSchedules.Cosine(step, I("total"), I("warmup"), N("base_lr")),
            _ => throw new FlorenceException($"{Path.GetFileName(name)}: unknown schedule"),
        };
    }
}

/// <summary>Which UniCL parameters the released code decays.</summary>
public sealed class ParamGroupsFile : IGoldenJson
{
    /// <inheritdoc/>
    public string File => "13_optim/unicl_param_groups.json";

    /// <inheritdoc/>
    public int Run(string path)
    {
        using var file = JsonDocument.Parse(System.IO.File.ReadAllBytes(path));
        var compared = 0;
        foreach (var (group, decays) in new[] { ("no_decay", false), ("decay", true) })
        {
            foreach (var name in file.RootElement.GetProperty(group).EnumerateArray().Select(n => n.GetString()!))
            {
                using var shape = Tensor.Zeros(IsVector(name) ? [4] : [4, 4]);
                GoldenJson.Same(path, $"decay of {name}", WeightDecayRules.UniCl(name, shape).ToString(), decays.ToString(), ref compared);
            }
        }

        return compared;
    }

    // The file lists names only: norms and scalars are vectors in every model of the family.
    private static bool IsVector(string name) => name.EndsWith(".bias", StringComparison.Ordinal) || name.EndsWith("_bias", StringComparison.Ordinal)
        || name.Contains("norm", StringComparison.Ordinal) || name.Contains("ln_", StringComparison.Ordinal) || name == "logit_scale";
}
