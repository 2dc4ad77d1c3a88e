using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Nn;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Optim;

/// <summary>Decides by name and shape which parameters decay.</summary>
public static class WeightDecayRules
{
    private static readonly string[] Exempt = ["relative_position_bias_table", "absolute_pos_embed", "positional_embedding", "token_embedding", "logit_scale", "gamma"];

    /// <summary>Our default: no decay for tensors of at most one axis, bias tables, position and token embeddings, logit_scale and γ.</summary>
    public static bool Default(string name, Tensor p) => p.Rank > 1 && !Exempt.Any(e => name.Contains(e, StringComparison.Ordinal));

    /// <summary>What UniCL's released code does: only tensors of at most one axis and biases are exempt; embeddings and bias tables decay.</summary>
    public static bool UniCl(string name, Tensor p) => p.Rank > 1 && !name.EndsWith(".bias", StringComparison.Ordinal);

    /// <summary>Plain: tensors of more than one axis decay.</summary>
    public static bool Matrices(string name, Tensor p) => p.Rank > 1;

    /// <summary>A set's parameters with a rule applied.</summary>
    public static IEnumerable<OptimizedParameter> Apply(ParameterSet set, Func<string, Tensor, bool>? rule = null) =>
        set.Named.Select(p => new OptimizedParameter(p.Key, p.Value, (rule ?? Default)(p.Key, p.Value)));
}
