using System;
using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.OpCases;

/// <summary>One input of a row: its shape and how its values are drawn.</summary>
/// <param name="Shape">Sizes.</param> <param name="Low">Smallest value.</param> <param name="High">Upper limit.</param>
/// <param name="Kind">Floating with gradient, floating constant, integer, or bool.</param> <param name="Fixed">Values to use instead of random ones.</param>
public sealed record In(Shape Shape, double Low = -1, double High = 1, InKind Kind = InKind.Float, double[]? Fixed = null)
{
    /// <summary>A differentiable input, uniform in [−1, 1).</summary>
    public static implicit operator In(int[] shape) => new(shape);

    /// <summary>A floating input without gradient.</summary>
    public static In Constant(Shape shape, double low = -1, double high = 1) => new(shape, low, high, InKind.Constant);

    /// <summary>Integers in [low, high).</summary>
    public static In Ids(Shape shape, int high, int low = 0) => new(shape, low, high, InKind.Integer);

    /// <summary>Given integers.</summary>
    public static In Ids(Shape shape, params double[] values) => new(shape, 0, 0, InKind.Integer, values);

    /// <summary>Random booleans.</summary>
    public static In Mask(Shape shape) => new(shape, 0, 2, InKind.Bool);

    internal double[] Values(int number)
    {
        if (Fixed is not null) { return Fixed; }
        var values = new double[Shape.Count];
        for (var i = 0; i < values.Length; i++)
        {
            var u = Philox.Uniform(Philox.Word(20211122, (ulong)number, (ulong)i));
            values[i] = Kind is InKind.Integer or InKind.Bool ? Math.Floor(Low + (High - Low) * u) : (float)(Low + (High - Low) * u);
        }

        return values;
    }
}

/// <summary>What an input of a row is.</summary>
public enum InKind
{
    /// <summary>Floating, differentiable.</summary>
    Float,

    /// <summary>Floating, no gradient asked.</summary>
    Constant,

    /// <summary>i64.</summary>
    Integer,

    /// <summary>bool.</summary>
    Bool,
}

/// <summary>One row that proves an op: from it come the value, gradient, layout and determinism checks on every device.</summary>
/// <param name="Op">The name of the <see cref="F"/> method it proves (several rows per op).</param>
/// <param name="Label">What is special about the row.</param>
/// <param name="Run">The op on tensors.</param>
/// <param name="Oracle">The same in float64 scalar code; null when values are proved elsewhere (say where in the label).</param>
/// <param name="Inputs">The inputs, in order.</param>
public sealed record OpCase(string Op, string Label, Func<Tensor[], Tensor> Run, Func<Nd[], Nd>? Oracle, params In[] Inputs)
{
    /// <summary>Allowed value error relative to the largest reference value, in f32.</summary>
    public double Tolerance32 { get; init; } = 2e-6;

    /// <summary>Allowed value error relative to the largest reference value, in f64.</summary>
    public double Tolerance64 { get; init; } = 1e-12;

    /// <summary>False for ops that have no gradient (argmax, comparisons).</summary>
    public bool IsDifferentiable { get; init; } = true;

    /// <summary>False when the row is too slow for the simulator (its lanes are operating-system threads).</summary>
    public bool IsForSimulator { get; init; } = true;

    /// <summary>The row as it is printed and accepted by filters.</summary>
    public override string ToString() => $"{Op}[{Label} {string.Join(" ", Inputs.Select(i => i.Shape.ToString().Replace(" ", "", StringComparison.Ordinal)))}]";

    /// <summary>The inputs on a device.</summary>
    public Tensor[] Make(Device device, DType dtype, bool requiresGrad = true) => [.. Inputs.Select((input, i) => Make(input, i, device, dtype, requiresGrad))];

    /// <summary>The inputs as oracle arrays.</summary>
    public Nd[] MakeNd() => [.. Inputs.Select((input, i) => new Nd(input.Values(i), input.Shape))];

    private static Tensor Make(In input, int number, Device device, DType dtype, bool requiresGrad)
    {
        var values = input.Values(number);
        if (input.Kind == InKind.Integer) { return Tensor.From([.. values.Select(v => (long)v)], input.Shape, device); }
        if (input.Kind == InKind.Bool) { return Tensor.From([.. values.Select(v => v != 0)], input.Shape, device); }
        var t = Tensor.FromDoubles(values, input.Shape, dtype, device);
        t.RequiresGrad = requiresGrad && input.Kind == InKind.Float;
        return t;
    }
}

/// <summary>A call that must be refused, with words its message must contain.</summary>
/// <param name="Op">The op.</param> <param name="Label">What is wrong.</param> <param name="Run">The call.</param> <param name="Says">Part of the message.</param>
public sealed record ErrorCase(string Op, string Label, Action<Device> Run, string Says)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Op}[{Label}]";
}

/// <summary>A file of rows; found by reflection, so a new one registers itself.</summary>
public interface IOpCases
{
    /// <summary>The rows.</summary>
    IEnumerable<OpCase> Cases { get; }

    /// <summary>Calls that must be refused.</summary>
    IEnumerable<ErrorCase> Errors => [];
}

/// <summary>All rows of the engine.</summary>
public static class AllCases
{
    private static readonly Lazy<IOpCases[]> Files = new(() => [.. typeof(AllCases).Assembly.GetTypes()
        .Where(t => t.IsClass && !t.IsAbstract && t.IsAssignableTo(typeof(IOpCases))).OrderBy(t => t.Name, StringComparer.Ordinal)
        .Select(t => (IOpCases)Activator.CreateInstance(t)!)]);

    /// <summary>Every row, in a fixed order.</summary>
    public static IReadOnlyList<OpCase> Rows { get; } = [.. Files.Value.SelectMany(f => f.Cases)];

    /// <summary>Every refused call.</summary>
    public static IReadOnlyList<ErrorCase> Errors { get; } = [.. Files.Value.SelectMany(f => f.Errors)];
}
