using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Models;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>The Dynamic Head and its parts.</summary>
public sealed class DynamicHeadKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["dyhead"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var set = run.NewParameters();
        var head = new DynamicHead(new DynamicHeadConfig
        {
            Channels = run["channels"].GetInt32(),
            Blocks = run["blocks"].GetInt32(),
            NormGroups = run["gn_groups"].GetInt32(),
            CoarserLevel = System.Enum.Parse<CoarserLevel>(run["mode"].GetString()!, ignoreCase: true),
        }, set.Root);
        run.Load(set);
        string[] names = [.. Enumerable.Range(3, run["levels"].GetArrayLength()).Select(l => $"p{l}")];
        var levels = head.Forward([.. names.Select(run.In)]);
        foreach (var (name, level) in names.Zip(levels)) { run.Out(name, level); }
    }
}

/// <summary>Dynamic ReLU alone.</summary>
public sealed class DyReluKind : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["dyrelu"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        var set = run.NewParameters();
        var relu = new DyRelu(run["channels"].GetInt32(), set.Root, run["reduction"].GetInt32());
        run.Load(set);
        run.Out("y", relu.Forward(run.In("x")));
    }
}

/// <summary>torchvision's deformable convolution.</summary>
public sealed class DeformConvKind : IGoldenKind
{
    private const string Ambiguous = "aux.offset_grad_ambiguous";

    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["deform_conv2d"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        Size2 Pair(string name) => run[name].Deserialize<int[]>() is [var h, var w] ? (h, w) : default;
        var bias = run.Case.Has("param.bias") ? run.Parameter("bias") : null;
        run.Out("y", F.DeformConv2d(run.In("x"), Offset(run), run.Parameter("weight"), run.InOrNull("mask"), bias,
            Pair("stride"), Pair("padding"), Pair("dilation"), run["groups"].GetInt32(), run["offset_groups"].GetInt32()));
    }

    // Where a sample lies exactly at −1 torchvision's slope is the right-hand one and ours 0, as in the released CUDA kernel; the
    // case marks these elements, which then take the file's value, that is, are not compared.
    private static Tensor Offset(GoldenRun run)
    {
        var offset = run.In("offset");
        if (!run.Case.Has(Ambiguous)) { return offset; }
        var marks = run.Case.Mask(Ambiguous, run.Device);
        var given = run.Case.Tensor("grad.in.offset", run.Device, run.DType);
        offset.RegisterHook(slope => F.Where(marks, given, slope));
        return offset;
    }
}
