using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Nn;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Verification;

/// <summary>A case that can not be run, with the reason; reported as skipped.</summary>
public sealed class GoldenSkipException(string reason) : Exception(reason);

/// <summary>One case being run on a device: gives inputs, takes outputs and gradients, and keeps the worst disagreement.
/// Rule: max|t − r| ≤ tolerance · max(max|r|, 1e-3).</summary>
public sealed class GoldenRun(GoldenCase golden, Device device, DType dtype)
{
    private readonly Dictionary<string, Tensor> _inputs = [];
    private readonly List<(string Key, Tensor Parameter)> _parameters = [];
    private readonly List<(Tensor Output, Tensor Cotangent)> _outputs = [];

    /// <summary>The case.</summary>
    public GoldenCase Case => golden;

    /// <summary>Where it runs.</summary>
    public Device Device => device;

    /// <summary>Floating element type in use.</summary>
    public DType DType => dtype;

    /// <summary>Comparisons made.</summary>
    public int Compared { get; private set; }

    /// <summary>Largest error over its allowance; at most 1 when the case passes.</summary>
    public double WorstRatio { get; private set; }

    /// <summary>What disagreed most.</summary>
    public string Worst { get; private set; } = "";

    /// <summary>A setting of the case.</summary>
    public JsonElement this[string name] => golden.Config.GetProperty(name);

    /// <summary>A setting, or a default.</summary>
    public T Get<T>(string name, T fallback) => golden.Config.TryGetProperty(name, out var value) ? value.Deserialize<T>()! : fallback;

    /// <summary>Input <c>in.NAME</c>; it requires a gradient when the case has one for it.</summary>
    public Tensor In(string name)
    {
        if (_inputs.TryGetValue(name, out var known)) { return known; }
        var x = golden.Tensor($"in.{name}", device, dtype);
        x.RequiresGrad = golden.IsFloat($"in.{name}") && golden.Has($"grad.in.{name}");
        return _inputs[name] = x;
    }

    /// <summary>Input <c>in.NAME</c>, or null when the case has none.</summary>
    public Tensor? InOrNull(string name) => golden.Has($"in.{name}") ? In(name) : null;

    /// <summary>A fresh parameter set on this device.</summary>
    public ParameterSet NewParameters() => new(device, 1, dtype);

    /// <summary>Loads <c>param.*</c> into a model, whose names are mapped from the case's by <paramref name="rename"/> (null drops a name),
    /// and remembers them for the gradient comparison.</summary>
    public void Load(ParameterSet set, Func<string, string?>? rename = null)
    {
        var source = new Dictionary<string, Tensor>();
        foreach (var name in golden.Names("param."))
        {
            if (name.EndsWith("relative_position_index", StringComparison.Ordinal) || name.EndsWith("attn_mask", StringComparison.Ordinal)) { continue; }
            if ((rename is null ? name : rename(name)) is not { } mapped) { continue; }
            source[mapped] = golden.Tensor($"param.{name}", device, dtype);
            if (set.Names.Contains(mapped)) { _parameters.Add((name, set[mapped])); }
        }

        _ = set.Load(source);
    }

    /// <summary>A parameter read directly, for kinds without a module.</summary>
    public Tensor Parameter(string name)
    {
        var p = golden.Tensor($"param.{name}", device, dtype);
        p.RequiresGrad = golden.Has($"grad.param.{name}");
        _parameters.Add((name, p));
        return p;
    }

    /// <summary>Takes the result for <c>out.NAME</c>; with a cotangent in the file it takes part in the gradient.</summary>
    public void Out(string name, Tensor value)
    {
        if (golden.Has($"out.{name}")) { Compare($"out.{name}", value); }
        if (golden.Has($"cot.{name}")) { _outputs.Add((value, golden.Tensor($"cot.{name}", device, dtype).Reshape(value.Shape))); }
    }

    /// <summary>Runs the backward of all outputs together and compares every gradient of the file.</summary>
    public void Backward()
    {
        if (_outputs.Count == 0) { return; }
        var objective = _outputs.Select(o => F.Sum(o.Output * o.Cotangent)).Aggregate((a, b) => a + b);
        objective.Backward();
        foreach (var (name, x) in _inputs.Where(i => golden.Has($"grad.in.{i.Key}"))) { CompareGrad($"grad.in.{name}", x); }
        foreach (var (name, p) in _parameters.Where(p => golden.Has($"grad.param.{p.Key}"))) { CompareGrad($"grad.param.{name}", p); }
        foreach (var (_, p) in _parameters) { p.ZeroGrad(); }
        foreach (var x in _inputs.Values) { x.ZeroGrad(); }
    }

    /// <summary>Compares a tensor with the file's values of this key.</summary>
    public void Compare(string key, Tensor value)
    {
        using var scope = TensorScope.Begin();
        Compare(key, value.Detach().To(Runtime.DType.F64).ToArray<double>());
    }

    /// <summary>Compares numbers with the file's values of this key.</summary>
    public void Compare(string key, double[] actual, double? tolerance = null)
    {
        var expected = golden.Values(key);
        if (actual.Length != expected.Length)
        {
            Note(double.PositiveInfinity, $"{key} has {actual.Length} values, expected {expected.Length}");
            return;
        }

        var scale = Math.Max(expected.Select(Math.Abs).DefaultIfEmpty(0).Max(), 1e-3);
        var allowed = golden.IsFloat(key) ? (tolerance ?? golden.Tolerance(key)) * scale : 0;
        double worst = 0;
        var at = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            var error = actual[i].Equals(expected[i]) ? 0 : Math.Abs(actual[i] - expected[i]);
            if (double.IsNaN(error)) { error = double.PositiveInfinity; }
            if (error > worst) { (worst, at) = (error, i); }
        }

        var ratio = worst == 0 ? 0 : allowed == 0 ? double.PositiveInfinity : worst / allowed;
        Note(ratio, $"{key}[{at}] is {(actual.Length > 0 ? actual[at] : 0):g7}, expected {(actual.Length > 0 ? expected[at] : 0):g7}, relative error {worst / scale:g3}, allowed {allowed / scale:g3}");
    }

    /// <summary>Compares numbers with the file's values of this key.</summary>
    public void Compare(string key, float[] actual) => Compare(key, Array.ConvertAll(actual, v => (double)v));

    /// <summary>Compares integers with the file's values of this key; they must be equal.</summary>
    public void Compare(string key, long[] actual) => Compare(key, Array.ConvertAll(actual, v => (double)v));

    /// <summary>Compares bytes with the file's values of this key; they must be equal.</summary>
    public void Compare(string key, byte[] actual) => Compare(key, Array.ConvertAll(actual, v => (double)v));

    /// <summary>Compares a number with the file's value of this key.</summary>
    public void Compare(string key, double actual) => Compare(key, [actual]);

    private void CompareGrad(string key, Tensor x)
    {
        if (x.Grad is { } g) { Compare(key, g); }
        else { Compare(key, new double[x.Count]); }
    }

    private void Note(double ratio, string text)
    {
        Compared++;
        if (ratio >= WorstRatio) { (WorstRatio, Worst) = (ratio, text); }
    }
}
