using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using FlorenceKernels.Runtime;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Every function that kernels are written with, on every device and at every vector width, over 10,000 inputs with all
/// special values: its error is within the bound that <see cref="RealAccuracy"/> documents.</summary>
[Collection(nameof(CpuSettings))]
public sealed class IntrinsicTests : IDisposable
{
    private const int Inputs = 10_007;
    private readonly SimdLevel _level = SimdLevels.Current;

    public static IEnumerable<TheoryDataRow<string, string>> Rows =>
        from device in TestDevices.Names.SelectMany(d => d == "cpu" ? IntrinsicRun.CpuLevels : [d])
        from function in Intrinsic.All
        select new TheoryDataRow<string, string>(device, function.Name);

    public void Dispose() => SimdLevels.Current = _level;

    [Theory, MemberData(nameof(Rows))]
    public void A_function_on_a_device_stays_within_its_documented_bound(string device, string name)
    {
        var function = Intrinsic.All.Single(f => f.Name == name);
        Assert.Empty(((bool[])[false, true]).Select(isDouble => Fault(function, device, isDouble)).OfType<string>());
    }

    [Fact]
    public void Every_function_of_formulas_is_measured()
    {
        var members = typeof(IReal<>).GetMethods().Concat(typeof(RealMath).GetMethods(BindingFlags.Static | BindingFlags.Public))
            .Select(m => m.Name);
        Assert.Empty(members.Except(["Of"]).Except(Intrinsic.All.Select(f => f.Name)));
        Assert.Empty(RealAccuracy.Listed.Except(Intrinsic.All.Select(f => f.Name)));
    }

    private static string? Fault(Intrinsic function, string device, bool isDouble)
    {
        var bound = RealAccuracy.Of(function.Name, !device.StartsWith("cpu", StringComparison.Ordinal), isDouble);
        var x = function.Inputs(Inputs, isDouble);
        var y = IntrinsicRun.Values(function, device, x, isDouble);
        var (worst, worstAt, faults, firstAt) = (0.0, 0, 0, -1);
        for (var i = 0; i < y.Length; i++)
        {
            var error = IntrinsicError.Of(bound, x[0][i], x[1][i], function.Exact(x[0][i], x[1][i], x[2][i]), y[i], isDouble);
            if (error.Ulps > worst) { (worst, worstAt) = (error.Ulps, i); }
            if (error.IsAllowed) { continue; }
            if (firstAt < 0) { firstAt = i; }
            faults++;
        }

        string Place(int i) =>
            $"f({x[0][i]:g9}, {x[1][i]:g9}, {x[2][i]:g9}) = {y[i]:g17}, exact {function.Exact(x[0][i], x[1][i], x[2][i]):g17}";
        return faults == 0 ? null : $"{function.Name} in {(isDouble ? "f64" : "f32")} on {device}: {faults} of {y.Length} results "
            + $"are outside {bound.Ulps} ulp ({bound.Reason}); worst {worst:g4} ulp at {Place(worstAt)}; first {Place(firstAt)}";
    }
}
