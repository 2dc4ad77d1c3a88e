using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Nn;

/// <summary>What a load did.</summary>
/// <param name="Loaded">Names loaded.</param> <param name="Missing">Parameters and buffers the source lacks; they keep their
/// values.</param>
/// <param name="Unused">Names of the source no parameter wanted.</param>
public sealed record LoadReport(IReadOnlyList<string> Loaded, IReadOnlyList<string> Missing, IReadOnlyList<string> Unused)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Loaded.Count} loaded, {Missing.Count} missing, {Unused.Count} unused";
}

/// <summary>Values of a <see cref="ParameterSet"/> by name.</summary>
public static class StateDict
{
    /// <summary>Copies values into parameters and buffers of the same name and shape, casting element types. Nothing changes when
    /// an error is thrown.</summary>
    /// <param name="set">The parameters.</param> <param name="source">Values by name, on any device.</param>
    /// <param name="isStrict">Refuse missing and unused names.</param>
    /// <exception cref="FlorenceException">A shape differs, or in strict mode a name is missing or unused.</exception>
    public static LoadReport Load(this ParameterSet set, IReadOnlyDictionary<string, Tensor> source, bool isStrict = true)
    {
        var state = set.State.ToArray();
        var missing = state.Select(p => p.Key).Where(n => !source.ContainsKey(n)).ToArray();
        var known = state.Select(p => p.Key).ToHashSet(StringComparer.Ordinal);
        var unused = source.Keys.Where(n => !known.Contains(n)).Order(StringComparer.Ordinal).ToArray();
        if (isStrict && missing.Length + unused.Length > 0)
        {
            throw new FlorenceException($"these weights do not fit the model: missing {List(missing)}; unused {List(unused)}. Check the configuration, or load non-strictly");
        }

        var wrong = state.Where(p => source.TryGetValue(p.Key, out var v) && v.Shape != p.Value.Shape)
            .Select(p => $"{p.Key} is {source[p.Key].Shape}, the model wants {p.Value.Shape}").ToArray();
        if (wrong.Length > 0) { throw new FlorenceException($"these weights do not fit the model: {List(wrong)}"); }
        using var scope = TensorScope.Begin();
        using var noGrad = GradMode.NoGrad();
        var loaded = state.Select(p => p.Key).Except(missing).ToArray();
        foreach (var name in loaded) { set[name].Assign(source[name]); }
        return new LoadReport(loaded, missing, unused);
    }

    private static string List(string[] names) =>
        names.Length == 0 ? "none" : string.Join(", ", names.Take(5)) + (names.Length > 5 ? $" and {names.Length - 5} more" : "");
}
