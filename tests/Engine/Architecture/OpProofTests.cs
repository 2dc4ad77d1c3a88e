using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using FlorenceKernels.OpCases;
using FlorenceKernels.Tensors;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>An op without proof is a failing test that names it.</summary>
public sealed class OpProofTests
{
    // Ops whose values are proved elsewhere, with the place.
    private static readonly Dictionary<string, string> ValuesElsewhere = [];

    // Ops without a gradient, with the reason.
    private static readonly Dictionary<string, string> WithoutGradient = new()
    {
        ["ArgMax"] = "gives positions",
        ["ArgMin"] = "gives positions",
        ["BoxIoU"] = "compares boxes; a loss takes GeneralizedBoxIoU",
        ["Equal"] = "gives truth values",
        ["Greater"] = "gives truth values",
        ["Less"] = "gives truth values",
        ["Nms"] = "gives positions",
        ["RandomUniform"] = "reads no tensor",
    };

    // Rows that prove operators of Tensor, by the row's name.
    private static readonly Dictionary<string, string> Operators = new()
    {
        ["Add"] = "op_Addition",
        ["Sub"] = "op_Subtraction",
        ["Mul"] = "op_Multiply",
        ["Div"] = "op_Division",
    };

    private static IEnumerable<string> Ops => typeof(F).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
        .Select(m => m.Name).Distinct().Order();

    [Fact]
    public void Every_op_has_a_row_for_its_values() => Faults.None(Ops.Where(op =>
        !ValuesElsewhere.ContainsKey(op) && !AllCases.Rows.Any(r => r.Op == op && r.Oracle is not null)));

    [Fact]
    public void Every_op_has_a_row_for_its_gradients() => Faults.None(Ops.Where(op =>
        !WithoutGradient.ContainsKey(op) && !AllCases.Rows.Any(r => r.Op == op && r.IsDifferentiable)));

    [Fact]
    public void Every_row_proves_an_op_that_exists() => Faults.None(AllCases.Rows.Select(r => r.Op).Distinct()
        .Where(op => !Ops.Contains(op) && typeof(Tensor).GetMethods().All(m => m.Name != Operators.GetValueOrDefault(op, op))));

    [Fact]
    public void Exceptions_name_ops_that_exist() => Faults.None(ValuesElsewhere.Keys.Concat(WithoutGradient.Keys).Except(Ops));

    [Fact]
    public void Every_op_runs_at_least_one_row_on_every_device() => Faults.None(
        from device in TestDevices.Names
        from op in AllCases.Rows.Select(r => r.Op).Distinct()
        where !OpTests.Cases(device, op).Any()
        select $"{op} on {device}");
}
