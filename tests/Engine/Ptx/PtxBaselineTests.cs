using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using FlorenceKernels.Runtime;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Counts of PTX and, where the assembler is installed, of machine code are what they were; a change is looked at and written down.</summary>
public sealed class PtxBaselineTests
{
    private static readonly string[] Architectures = ["sm_80", "sm_90"];

    [Fact]
    public void Counts_of_ptx_are_those_of_the_baseline()
    {
        var baseline = PtxBaseline.Read();
        var counts = CompiledKernels.Listings.ToDictionary(k => k.Key, k => k.Value.Counts);
        if (!PtxBaseline.IsWriting) { baseline.Compare("ptx", counts, isComplete: true); return; }
        var parts = new Dictionary<string, IReadOnlyDictionary<string, IReadOnlyDictionary<string, int>>> { ["ptx"] = counts };
        var ptxas = PtxAssembler.Find();
        foreach (var architecture in ptxas is null ? [] : Architectures) { parts[architecture] = Counts(Assembled(ptxas!, architecture, [.. counts.Keys])); }
        baseline.Save(ptxas?.Version, parts);
    }

    [Theory]
    [InlineData("sm_80")]
    [InlineData("sm_90")]
    public void Machine_code_does_not_spill_and_keeps_its_registers(string architecture)
    {
        var ptxas = PtxAssembler.Find();
        Assert.SkipWhen(ptxas is null, PtxAssembler.Missing);
        var names = CompiledKernels.Listings.Keys.ToArray();
        var assembled = Assembled(ptxas!, architecture, names);
        Assert.Equal(names.Length, assembled.Count);
        Faults.None(from kernel in assembled
                    where kernel.Value.SpillBytes > 0 || kernel.Value.StackBytes > 0 && CompiledKernels.Listings[kernel.Key].Locals.Count == 0
                    select $"{kernel.Key} on {architecture}: {kernel.Value.StackBytes} bytes of stack, {kernel.Value.SpillBytes} bytes spilled");
        var baseline = PtxBaseline.Read();
        Assert.SkipUnless(baseline.Ptxas == ptxas!.Version,
            $"machine code is compared under ptxas {baseline.Ptxas ?? "(none yet)"}, and {ptxas.Version} is installed; spills were checked");
        if (!PtxBaseline.IsWriting) { baseline.Compare(architecture, Counts(assembled), isComplete: true); }
    }

    private static Dictionary<string, AssembledKernel> Assembled(PtxAssembler ptxas, string architecture, string[] names) =>
        ptxas.Assemble(CompiledKernels.Module(names), architecture)
            .ToDictionary(k => names[int.Parse(k.Entry.Split('_')[1], CultureInfo.InvariantCulture)]);

    private static Dictionary<string, IReadOnlyDictionary<string, int>> Counts(Dictionary<string, AssembledKernel> kernels) =>
        kernels.ToDictionary(k => k.Key, IReadOnlyDictionary<string, int> (k) => new Dictionary<string, int>
        {
            ["instructions"] = k.Value.Instructions,
            ["registers"] = k.Value.Registers,
            ["shared"] = k.Value.SharedBytes,
            ["stack"] = k.Value.StackBytes,
        });
}
