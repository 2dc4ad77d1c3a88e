using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>The operator table of torch: one line per op, arguments from the case.</summary>
public sealed class OpKind : IGoldenKind
{
    private static readonly Dictionary<string, Func<GoldenRun, Tensor>> Ops = Unary().Concat(Binary()).Concat(Shapes()).Concat(Reductions())
        .Concat(Normalisation()).Concat(Losses()).Concat(Spatial()).Concat(Products()).ToDictionary(p => p.Name, p => p.Run);

    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["op"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var op = run["op"].GetString()!;
        if (OpKindPairs.TryRun(op, run)) { return; }
        if (!Ops.TryGetValue(op, out var function)) { throw new GoldenSkipException($"op '{op}' is not implemented yet"); }
        run.Out("y", function(run));
    }

    private static (string Name, Func<GoldenRun, Tensor> Run) Op(string name, Func<GoldenRun, Tensor> run) => (name, run);

    private static (string Name, Func<GoldenRun, Tensor> Run) X(string name, Func<Tensor, Tensor> run) => (name, r => run(r.In("x")));

    private static int Dim(GoldenRun run) => run["dim"].GetInt32();

    private static int[] Ints(GoldenRun run, string name) =>
        run[name].ValueKind == JsonValueKind.Number ? [run[name].GetInt32()] : run[name].Deserialize<int[]>()!;

    // Inputs of functions with a limited domain are folded into it, as the reference file's notes say.
    private static IEnumerable<(string Name, Func<GoldenRun, Tensor> Run)> Unary() =>
    [
        X("abs", F.Abs), X("clamp", x => F.Clamp(x, -1, 1.5)), X("cos", F.Cos), X("erf", F.Erf), X("exp", F.Exp), X("gelu_erf", x => F.Gelu(x)),
        X("gelu_tanh", x => F.Gelu(x, approximate: true)), X("hardsigmoid", F.HardSigmoid), X("log", x => F.Log(F.Abs(x) + 0.1)), X("log1p", x => F.Log1P(x * x)),
        X("pow3", x => F.Pow(x, 3)), X("quick_gelu", F.QuickGelu), X("reciprocal", x => F.Reciprocal(x * x + 1)), X("relu", F.Relu), X("relu6", F.Relu6),
        X("rsqrt", x => F.Rsqrt(x * x + 0.5)), X("sigmoid", F.Sigmoid), X("silu", F.Silu), X("sin", F.Sin), X("softplus", F.Softplus), X("sqrt", x => F.Sqrt(F.Abs(x) + 0.1)), X("tanh", F.Tanh),
    ];

    private static IEnumerable<(string Name, Func<GoldenRun, Tensor> Run)> Binary()
    {
        (string, Func<GoldenRun, Tensor>) Pair(string name, Func<Tensor, Tensor, Tensor> f) => (name, r => f(r.In("a"), r.In("b")));
        return
        [
            Pair("add", (a, b) => a + b), Pair("sub", (a, b) => a - b), Pair("mul", (a, b) => a * b), Pair("div", (a, b) => a / b),
            Pair("pow", (a, b) => F.Pow(F.Abs(a) + 0.2, b)), Pair("maximum", F.Maximum), Pair("minimum", F.Minimum),
            Op("where (cond broadcast)", r => F.Where(r.Case.Mask("in.cond", r.Device), r.In("a"), r.In("b"))),
            Op("masked_fill", r => F.MaskedFill(r.In("x"), r.Case.Mask("in.mask", r.Device), r["value"].GetDouble())),
        ];
    }

    private static IEnumerable<(string Name, Func<GoldenRun, Tensor> Run)> Shapes() =>
    [
        Op("cat", r => F.Cat([r.In("a"), r.In("b"), r.In("c")], Dim(r))), Op("stack", r => F.Stack([r.In("a"), r.In("b")], Dim(r))),
        X("expand to (2,3,5,4), squared", x => F.Square(x.Expand(2, 3, 5, 4))), X("flip last dim, times x", x => F.Flip(x, [-1]) * x),
        Op("gather", r => F.Gather(r.In("x"), Dim(r), r.In("index"))), Op("index_select", r => F.IndexSelect(r.In("x"), Dim(r), r.In("index"))),
        Op("index_add", r => F.IndexAdd(r.In("x"), Dim(r), r.In("index"), r.In("src"))),
        Op("scatter_add", r => F.ScatterAdd(r.In("x"), Dim(r), r.In("index"), r.In("src"))),
        Op("embedding", r => F.Embedding(r.In("ids"), r.In("weight"), r.Get("padding_idx", -1))),
        Op("pad", r => F.Pad(r.In("x"), Ints(r, "pad"), Enum.Parse<PadMode>(r["mode"].GetString()!, ignoreCase: true), r["value"].GetDouble())),
        X("permute(2,0,3,1), times arange(1..5) on the 3rd axis, reshape(8,15)", x =>
            (x.Permute(2, 0, 3, 1) * Tensor.FromDoubles([1, 2, 3, 4, 5], [5, 1], x.DType, x.Device)).Reshape(8, 15)),
        X("repeat(2,3), squared", x => F.Square(F.Repeat(x, [2, 3]))), Op("roll", r => F.Roll(r.In("x"), Ints(r, "shifts"), Ints(r, "dims"))),
        X("slice [:,1::2,:-2:3]", x => x.Slice(1, 1, x.Shape[1] / 2, 2).Slice(2, 0, (x.Shape[2] - 2 + 2) / 3, 3)),
        Op("relative bias gather: table[idx].view(N,N,h).permute(2,0,1)", r =>
        {
            var index = r.In("index");
            var n = (int)Math.Sqrt(index.Count);
            return F.IndexSelect(r.In("table"), 0, index.Reshape(-1)).Reshape(n, n, -1).Permute(2, 0, 1);
        }),
        Op("cumsum", r => F.CumSum(r.In("x"), Dim(r))),
    ];

    private static IEnumerable<(string Name, Func<GoldenRun, Tensor> Run)> Reductions() =>
    [
        Op("sum", r => F.Sum(r.In("x"), [Dim(r)])), Op("mean", r => F.Mean(r.In("x"), [Dim(r)])), Op("amax", r => F.Amax(r.In("x"), [Dim(r)])),
        Op("prod", r => F.Prod(r.In("x"), Dim(r))), Op("norm2", r => F.Norm(r.In("x"), [Dim(r)])), Op("std", r => F.Std(r.In("x"), [Dim(r)])),
        Op("var", r => F.Var(r.In("x"), [Dim(r)])), Op("var_biased", r => F.Var(r.In("x"), [Dim(r)], correction: 0)),
        Op("logsumexp", r => F.LogSumExp(r.In("x"), [Dim(r)])), Op("softmax", r => F.Softmax(r.In("x"), Dim(r))),
        Op("log_softmax", r => F.LogSoftmax(r.In("x"), Dim(r))),
    ];

    private static IEnumerable<(string Name, Func<GoldenRun, Tensor> Run)> Normalisation() =>
    [
        Op("layer_norm", r => F.LayerNorm(r.In("x"), r.InOrNull("weight"), r.InOrNull("bias"), r["eps"].GetDouble())),
        Op("group_norm", r => F.GroupNorm(r.In("x"), r["groups"].GetInt32(), r.In("weight"), r.In("bias"), r["eps"].GetDouble())),
        Op("batch_norm", r => F.BatchNorm(r.In("x"), r.In("weight"), r.In("bias"), null, null, training: true, eps: r["eps"].GetDouble())),
        X("F.normalize eps 1e-12", x => F.L2Normalize(x, 1)), X("x/||x||, last dim", x => F.L2Normalize(x)),
    ];

    private static IEnumerable<(string Name, Func<GoldenRun, Tensor> Run)> Losses() =>
    [
        Op("cross_entropy", r => F.CrossEntropy(r.In("x"), r.In("target"), r["ignore_index"].GetInt32(), r["label_smoothing"].GetDouble(), Reduce(r))),
        Op("cross_entropy_soft_target", r => F.CrossEntropy(r.In("x"), r.In("target"), Reduce(r))),
        Op("mse_loss", r => F.MseLoss(r.In("x"), r.In("target"))), Op("smooth_l1", r => F.SmoothL1Loss(r.In("x"), r.In("target"), r["beta"].GetDouble(), Reduce(r))),
        Op("kl_div", r => F.KlDiv(r.In("x"), r.In("target"), Reduction.Sum) / r.In("x").Shape[0]),
    ];

    private static Reduction Reduce(GoldenRun r) => Enum.Parse<Reduction>(r["reduction"].GetString()!, ignoreCase: true);

    private static IEnumerable<(string Name, Func<GoldenRun, Tensor> Run)> Spatial() =>
    [
        Op("adaptive_avg_pool2d", r => F.AdaptiveAvgPool2d(r.In("x"), (Ints(r, "size")[0], Ints(r, "size")[1]))),
        Op("avg_pool2d", r => F.AvgPool2d(r.In("x"), r["kernel"].GetInt32(), r["stride"].GetInt32(), r["padding"].GetInt32())),
        Op("max_pool2d", r => F.MaxPool2d(r.In("x"), r["kernel"].GetInt32(), r["stride"].GetInt32(), r["padding"].GetInt32())),
        Op("conv2d", r => F.Conv2d(r.In("x"), r.In("weight"), r.InOrNull("bias"), (Ints(r, "stride")[0], Ints(r, "stride")[1]),
            (Ints(r, "padding")[0], Ints(r, "padding")[1]), (Ints(r, "dilation")[0], Ints(r, "dilation")[1]), r["groups"].GetInt32())),
        Op("conv3d", r => F.Conv3d(r.In("x"), r.In("weight"), r.InOrNull("bias"), Three(r, "stride"), Three(r, "padding"), Three(r, "dilation"), r["groups"].GetInt32())),
        Op("interpolate", r => F.Interpolate(r.In("x"), Ints(r, "size"), Mode(r), r["align_corners"].ValueKind == JsonValueKind.True)),
        Op("interpolate_antialias", r => F.Interpolate(r.In("x"), Ints(r, "size"), Mode(r), antialias: true)),
        Op("grid_sample", r => F.GridSample(r.In("x"), r.In("grid"), r["align_corners"].GetBoolean())),
        Op("roi_align", r => F.RoiAlign(r.In("x"), r.In("boxes"), (Ints(r, "output")[0], Ints(r, "output")[1]), r["spatial_scale"].GetDouble(),
            r["sampling_ratio"].GetInt32(), r["aligned"].GetBoolean())),
        Op("unfold/im2col", r => F.Unfold(r.In("x"), (Ints(r, "kernel")[0], Ints(r, "kernel")[1]), r["stride"].GetInt32(), r["padding"].GetInt32())),
    ];

    private static (int, int, int) Three(GoldenRun r, string name) => (Ints(r, name)[0], Ints(r, name)[1], Ints(r, name)[2]);

    private static InterpolateMode Mode(GoldenRun r) => Enum.Parse<InterpolateMode>(r["mode"].GetString()!, ignoreCase: true);

    private static IEnumerable<(string Name, Func<GoldenRun, Tensor> Run)> Products() =>
    [
        Op("matmul", r => F.MatMul(r.In("a"), r.In("b"))), Op("linear", r => F.Linear(r.In("x"), r.In("weight"), r.In("bias"))),
        Op("einsum", r => F.Einsum(r["equation"].GetString()!, [.. r.Case.Names("in.").Select(r.In)])),
        Op("scaled_dot_product_attention", r =>
        {
            var mask = r.Case.Has("in.mask") ? r.Case.IsFloat("in.mask") ? r.In("mask") : Additive(r) : null;
            if (r.InOrNull("bias") is { } bias) { mask = mask is null ? bias : mask + bias; }
            return F.ScaledDotProductAttention(r.In("q"), r.In("k"), r.In("v"), mask);
        }),
        Op("multi_head_attention_forward", MultiHead),
    ];

    // 1 keeps a score, 0 removes it.
    private static Tensor Additive(GoldenRun r)
    {
        var keep = r.Case.Mask("in.mask", r.Device);
        return F.Where(keep, Tensor.Zeros([], r.DType, r.Device), Tensor.Full([], double.NegativeInfinity, r.DType, r.Device));
    }

    private static Tensor MultiHead(GoldenRun r)
    {
        var heads = r["heads"].GetInt32();
        Tensor q = r.In("q"), k = r.In("k"), w = r.In("in_proj_weight"), b = r.In("in_proj_bias");
        var e = q.Shape[2];
        Tensor Project(Tensor x, int part) => F.Linear(x, w.Slice(0, part * e, e), b.Slice(0, part * e, e))
            .Reshape(x.Shape[0], x.Shape[1], heads, e / heads).Permute(1, 2, 0, 3);
        var y = F.ScaledDotProductAttention(Project(q, 0), Project(k, 1), Project(k, 2));
        return F.Linear(y.Permute(2, 0, 1, 3).Reshape(q.Shape), r.In("out_w"), r.In("out_b"));
    }
}
