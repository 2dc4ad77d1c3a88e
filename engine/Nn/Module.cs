using FlorenceKernels.Tensors;

namespace FlorenceKernels.Nn;

/// <summary>A part of a model: its parameters live in the <see cref="ParameterSet"/> it was built from, and it has one forward.</summary>
public abstract class Module(Weights w)
{
    /// <summary>The parameters and state shared by the whole model.</summary>
    protected ParameterSet Set { get; } = w.Set;
}

/// <summary>A module from one tensor to one tensor.</summary>
public abstract class TensorModule(Weights w) : Module(w)
{
    /// <summary>The module's function.</summary>
    public abstract Tensor Forward(Tensor x);
}
