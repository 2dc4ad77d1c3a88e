using System.Collections.Generic;
using System.Linq;
using FlorenceKernels.OpCases;
using FlorenceKernels.Runtime;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Every row of every op, on every device that is present.</summary>
public sealed class OpTests
{
    public static IEnumerable<TheoryDataRow<string, string>> Rows =>
        from device in TestDevices.Names from op in AllCases.Rows.Select(r => r.Op).Distinct() select new TheoryDataRow<string, string>(device, op);

    [Theory, MemberData(nameof(Rows))]
    public void Values_match_the_oracle(string device, string op) =>
        Assert.Empty(Cases(device, op).Select(row => CaseRunner.Values(row, TestDevices.Open(device))).OfType<string>());

    [Theory, MemberData(nameof(Rows))]
    public void Gradients_match_central_differences(string device, string op) =>
        Assert.Empty(Cases(device, op).Where(r => r.IsDifferentiable && (device == "cpu" || r.Inputs.Sum(i => i.Shape.Count) <= 64))
            .Select(row => (Row: row, Result: CaseRunner.Gradients(row, TestDevices.Open(device))))
            .Where(r => !r.Result.Passed).Select(r => $"{r.Row} on {device}: {r.Result}"));

    [Theory, MemberData(nameof(Rows))]
    public void Gradients_in_f32_match_f64(string device, string op) =>
        Assert.Empty(Cases(device, op).Where(r => r.IsDifferentiable).Select(row => CaseRunner.Gradients32(row, TestDevices.Open(device))).OfType<string>());

    [Fact]
    public void Wrong_arguments_are_refused_with_a_sentence()
    {
        foreach (var error in AllCases.Errors)
        {
            var thrown = Assert.ThrowsAny<FlorenceException>(() => error.Run(Device.Cpu));
            Assert.True(thrown.Message.Contains(error.Says, System.StringComparison.Ordinal), $"{error}: {thrown.Message}");
        }
    }

    internal static IEnumerable<OpCase> Cases(string device, string op) =>
        AllCases.Rows.Where(r => r.Op == op && (r.IsForSimulator || device != "simulator"));
}
