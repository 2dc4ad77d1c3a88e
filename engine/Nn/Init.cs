using System;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Nn;

/// <summary>How a parameter's first values are drawn. The random stream is a hash of the parameter's name, so values do not depend on
/// the order in which modules are built.</summary>
public abstract record Init
{
    /// <summary>All zero.</summary>
    public static Init Zeros { get; } = new ConstantInit(0);

    /// <summary>All one.</summary>
    public static Init Ones { get; } = new ConstantInit(1);

    /// <summary>timm's <c>trunc_normal_(std=.02)</c>: its bounds are ±2 absolute, so a plain normal in effect.</summary>
    public static Init TruncNormal { get; } = new NormalInit(0.02);

    /// <summary>One value everywhere.</summary>
    public static Init Constant(double value) => new ConstantInit(value);

    /// <summary>N(0, std²).</summary>
    public static Init Normal(double std) => new NormalInit(std);

    /// <summary>U(−bound, bound).</summary>
    public static Init Uniform(double bound) => new UniformInit(bound);

    /// <summary>PyTorch's default for convolutions and their biases: U(±1/√fanIn).</summary>
    public static Init FanIn(int fanIn) => new UniformInit(1 / Math.Sqrt(fanIn));

    internal abstract Tensor Draw(Shape shape, ParameterSet set, string name);

    // FNV-1a, 64 bits.
    private protected static ulong Stream(string name)
    {
        var hash = 14695981039346656037UL;
        foreach (var c in name) { hash = (hash ^ c) * 1099511628211UL; }
        return hash;
    }

    private sealed record ConstantInit(double Value) : Init
    {
        internal override Tensor Draw(Shape shape, ParameterSet set, string name) => Tensor.Full(shape, Value, set.DType, set.Device);
    }

    private sealed record NormalInit(double Std) : Init
    {
        internal override Tensor Draw(Shape shape, ParameterSet set, string name) =>
            Tensor.Normal(shape, 0, Std, set.Seed, Stream(name), set.DType, set.Device);
    }

    private sealed record UniformInit(double Bound) : Init
    {
        internal override Tensor Draw(Shape shape, ParameterSet set, string name) =>
            Tensor.Uniform(shape, -Bound, Bound, set.Seed, Stream(name), set.DType, set.Device);
    }
}
