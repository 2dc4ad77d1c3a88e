using System;
using System.Collections.Generic;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using TorchTensor = TorchSharp.torch.Tensor;

namespace FlorenceKernels.Benchmarks;

/// <summary>An input both sides get.</summary>
/// <param name="Shape">Sizes.</param> <param name="NeedsGrad">Whether its gradient is computed.</param> <param name="Low">Smallest value.</param>
/// <param name="High">Upper limit.</param> <param name="Ids">Above 0: whole numbers below this instead of reals.</param>
internal sealed record Arg(int[] Shape, bool NeedsGrad = true, double Low = -1, double High = 1, int Ids = 0)
{
    public static Arg Constant(params int[] shape) => new(shape, NeedsGrad: false);

    public static Arg Grad(params int[] shape) => new(shape);
}

/// <summary>Which memory a row compares besides time.</summary>
internal enum MemoryKind
{
    None,

    /// <summary>Growth over what the inputs take.</summary>
    Extra,

    /// <summary>Peak of the whole process.</summary>
    Peak,
}

/// <summary>One comparison with a peer. A ratio above 1 says that this engine needs less.</summary>
internal abstract record RatioRow(string Name, double Goal)
{
    /// <summary>Every row, in the order it is printed.</summary>
    public static IReadOnlyList<RatioRow> All { get; } =
        [.. MatMulRows.Rows, .. PointwiseRows.Rows, .. AttentionRows.Rows, .. ConvEmbedRows.Rows, .. DeformConvRows.Rows,
            .. LossRows.Rows, .. ContrastiveRows.Rows, .. StepRows.Rows, .. InferRows.Rows];

    /// <summary>Allowed difference of the sides, relative to the largest value of each result.</summary>
    public double Tolerance { get; init; } = 1e-4;

    /// <summary>Who the row is compared with.</summary>
    public virtual string PeerName => "libtorch";

    public MemoryKind Memory { get; init; }

    /// <summary>Goal of the peer's memory over ours.</summary>
    public double MemoryGoal { get; init; }

    public abstract IWorkload Ours(Device device);

    public abstract IWorkload Peer();
}

/// <summary>A row that is one function of tensors.</summary>
internal sealed record FunctionRow(string Name, double Goal, Arg[] Inputs, Func<Tensor[], Tensor> OursIs, Func<TorchTensor[], TorchTensor> PeerIs)
    : RatioRow(Name, Goal)
{
    public override IWorkload Ours(Device device) => new OursWorkload(Name, Inputs, OursIs, device);

    public override IWorkload Peer() => new TorchWorkload(Name, Inputs, PeerIs);
}
