using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>Runs a row: returns null when proved, else one sentence saying what differs. All checks of a row:
/// values against the oracle (f32, f64), strided inputs, inputs unchanged, same bits twice, gradients against central differences (f64),
/// gradients of the device in f32 against f64, nothing recorded under NoGrad, memory balance, and on the CPU nothing written
/// outside a block.</summary>
public static class CaseRunner
{
    /// <summary>Everything except the gradient check.</summary>
    public static string? Values(OpCase row, Device device) => Guarded(row, device, () => AllValues(row, device));

    /// <summary>f32 gradients on a device against f64 gradients on the CPU, with a random cotangent.</summary>
    public static string? Gradients32(OpCase row, Device device) => Guarded(row, device, () => BothGradients(row, device));

    // On the CPU every operand and result lies between guard bands; emulated devices have memory checks of their own.
    private static string? Guarded(OpCase row, Device device, Func<string?> check)
    {
        if (!device.IsCpu) { return check(); }
        string? fault = null;
        var damage = device.Allocator.Guard(() => fault = check());
        return damage is null ? fault : $"{row} on {device}: {damage}";
    }

    private static string? AllValues(OpCase row, Device device)
    {
        var before = device.Allocator.Statistics.InUse;
        var fault = Value(row, device, DType.F64, row.Tolerance64) ?? Value(row, device, DType.F32, row.Tolerance32)
            ?? Strided(row, device) ?? Repeats(row, device) ?? RecordsNothing(row, device);
        var after = device.Allocator.Statistics.InUse;
        return fault ?? (after > before ? $"{row} on {device}: {after - before} bytes were not given back" : null);
    }

    /// <summary>The engine's f64 backward against central differences of its forward.</summary>
    public static GradCheckResult Gradients(OpCase row, Device device, GradCheckOptions? options = null)
    {
        using var scope = TensorScope.Begin();
        var inputs = row.Make(device, DType.F64);
        var result = GradCheck.Run(row.Run, inputs, options);
        foreach (var x in inputs) { x.ZeroGrad(); }
        return result;
    }

    private static string? BothGradients(OpCase row, Device device)
    {
        var expected = Backward(row, Device.Cpu, DType.F64);
        var actual = Backward(row, device, DType.F32);
        for (var i = 0; i < expected.Count; i++)
        {
            var fault = Differs(actual[i], expected[i], 10 * Math.Max(row.Tolerance32, 2e-6));
            if (fault is not null) { return $"{row} on {device}, f32 gradient of input {i}: {fault}"; }
        }

        return null;
    }

    private static string? Value(OpCase row, Device device, DType dtype, double tolerance)
    {
        if (row.Oracle is null) { return null; }
        using var scope = TensorScope.Begin();
        var inputs = row.Make(device, dtype);
        var expected = row.Oracle(row.MakeNd());
        var y = row.Run(inputs);
        if (y.Shape != expected.Shape) { return $"{row} on {device}: result is {y.Shape}, expected {expected.Shape}"; }
        var fault = Differs(Doubles(y), expected.Data, tolerance);
        if (fault is not null) { return $"{row} on {device}, {dtype.Name()}: {fault}"; }
        var fresh = row.Make(device, dtype);
        for (var i = 0; i < inputs.Length; i++)
        {
            if (!Doubles(inputs[i]).SequenceEqual(Doubles(fresh[i]))) { return $"{row} on {device}: input {i} was changed"; }
        }

        return null;
    }

    // Every floating input as a view with gaps and an offset: [..., 2n+1] sliced by step 2 from 1.
    private static string? Strided(OpCase row, Device device)
    {
        using var scope = TensorScope.Begin();
        using var noGrad = GradMode.NoGrad();
        var dense = row.Run(row.Make(device, DType.F32));
        var views = row.Make(device, DType.F32).Select(x => x.DType.IsFloat() && x.Rank > 0 && x.Count > 0 ? WithGaps(x) : x).ToArray();
        var strided = row.Run(views);
        var fault = Differs(Doubles(strided), Doubles(dense), row.Tolerance32);
        return fault is null ? null : $"{row} on {device}, strided inputs: {fault}";
    }

    private static Tensor WithGaps(Tensor x)
    {
        var size = x.Shape[^1];
        var wide = Tensor.Full(x.Shape.With(x.Rank - 1, 2 * size + 1), 7777, x.DType, x.Device);
        var view = wide.Slice(-1, 1, size, 2);
        CopyOp.Into(view, x);
        return view;
    }

    private static string? Repeats(OpCase row, Device device)
    {
        using var scope = TensorScope.Begin();
        var first = Doubles(row.Run(row.Make(device, DType.F32)));
        var second = Doubles(row.Run(row.Make(device, DType.F32)));
        return first.SequenceEqual(second) ? null : $"{row} on {device}: two runs differ in their bits";
    }

    private static string? RecordsNothing(OpCase row, Device device)
    {
        using var scope = TensorScope.Begin();
        using var noGrad = GradMode.NoGrad();
        var y = row.Run(row.Make(device, DType.F32));
        return y.GradFn is null ? null : $"{row} on {device}: recorded under NoGrad";
    }

    private static List<double[]> Backward(OpCase row, Device device, DType dtype)
    {
        using var scope = TensorScope.Begin();
        var inputs = row.Make(device, dtype);
        var y = row.Run(inputs);
        y.Backward(Tensor.Uniform(y.Shape, -1, 1, 99, 0, dtype, device));
        var grads = inputs.Where(x => x.RequiresGrad).Select(x => x.Grad is { } g ? Doubles(g) : new double[x.Count]).ToList();
        foreach (var x in inputs) { x.ZeroGrad(); }
        return grads;
    }

    private static double[] Doubles(Tensor t)
    {
        using var scope = TensorScope.Begin();
        return t.Detach().To(DType.F64).ToArray<double>();
    }

    private static string? Differs(double[] actual, double[] expected, double tolerance)
    {
        var scale = expected.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max();
        var limit = tolerance * Math.Max(scale, 1e-3);
        for (var i = 0; i < expected.Length; i++)
        {
            var same = actual[i].Equals(expected[i]) || Math.Abs(actual[i] - expected[i]) <= limit;
            if (!same) { return $"element {i} is {actual[i]:g9}, expected {expected[i]:g9} (allowed {limit:g3})"; }
        }

        return null;
    }
}
