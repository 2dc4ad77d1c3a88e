using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using FlorenceKernels.Runtime;
using ILGPU;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>What can be proved of CUDA kernels without a GPU: each specialisation the engine can start is compiled to PTX and its text
/// is judged. A kernel that no launch reaches, or that breaks a rule without an exception below, fails.</summary>
public sealed class PtxGateTests
{
    // Kernels that are f32 and yet compute in f64, by their definition, with the reason.
    private static readonly Dictionary<string, string> DoublesAllowed = new()
    {
        ["CastOp.Convert"] = "every conversion goes through f64, so that 8 codecs serve all 64 pairs of types; memory is its limit",
        ["RandomUniformGpu.Fill32"] = "draws low + width·u in f64 and rounds once, so that its bits equal those the host draws",
    };

    private static IReadOnlyDictionary<string, PtxListing> Listings => CompiledKernels.Listings;

    [Fact]
    public void Every_kernel_is_reached_by_a_launch()
    {
        var reached = KernelCatalog.Engine.Kernels.Values.Select(KernelCatalog.Definition).ToHashSet();
        Assert.True(reached.Count >= 40, $"only {reached.Count} kernels were found");
        Faults.None(KernelCatalog.Engine.Shaped.Where(m => !reached.Contains(m)).Select(m =>
            $"{KernelName.Of(m)} looks like a kernel, but no launch with known type arguments reaches it, so its PTX is not proved"));
    }

    [Fact]
    public void Kernels_have_names_of_their_own() => Assert.Equal(
        KernelCatalog.Engine.Kernels.Count, KernelCatalog.Engine.Kernels.Values.Distinct().Count());

    // The exception: ln, sin and cos in f64 are ILGPU.Algorithms' software functions, which hand a second result back
    // through 8 bytes of memory each. f64 is for proofs, not for speed.
    [Fact]
    public void No_kernel_has_a_stack_frame() => Faults.None(
        from kernel in Listings
        let isSecondResult = kernel.Value.Locals.All(l => l.EndsWith("[8];", StringComparison.Ordinal))
        where kernel.Value.Locals.Count > 0 && !(isSecondResult && IsDouble(KernelCatalog.Engine.Kernels[kernel.Key]))
        select $"{kernel.Key} keeps variables in memory: {kernel.Value.Locals[0]} write arrays out as named variables");

    [Fact]
    public void Single_precision_kernels_call_no_functions() => Faults.None(
        from kernel in Listings
        where !IsDouble(KernelCatalog.Engine.Kernels[kernel.Key])
        from call in kernel.Value.Calls.Take(1)
        select $"{kernel.Key} calls a function that was not inlined: {call}");

    [Fact]
    public void Loads_and_stores_name_their_memory() => Faults.None(
        from kernel in Listings
        from access in kernel.Value.Generic.Take(1)
        select $"{kernel.Key} reads or writes through a generic address: {access}");

    [Fact]
    public void Single_precision_kernels_compute_in_single_precision() => Faults.None(
        from kernel in Listings
        where !IsDouble(KernelCatalog.Engine.Kernels[kernel.Key]) && !DoublesAllowed.ContainsKey(Short(kernel.Key))
        from instruction in kernel.Value.Doubles.Take(1)
        select $"{kernel.Key} is f32 but has {kernel.Value.Doubles.Count()} f64 instructions, the first of them {instruction}");

    [Fact]
    public void Exceptions_are_needed() => Faults.None(
        from name in DoublesAllowed.Keys
        where !Listings.Any(k => Short(k.Key) == name && !IsDouble(KernelCatalog.Engine.Kernels[k.Key]) && k.Value.Doubles.Any())
        select $"{name} no longer needs its exception");

    private static string Short(string kernel) => kernel.Split('<')[0];

    // Whether a kernel reads or writes f64.
    private static bool IsDouble(MethodInfo kernel) => HoldsDoubles(kernel.GetParameters()[0].ParameterType);

    private static bool HoldsDoubles(Type type) => type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
        .Select(f => f.FieldType).Any(field => field == typeof(ArrayView<double>) || field == typeof(ArrayView<G64>)
            || field != type && field is { IsValueType: true, IsPrimitive: false } && !KernelCatalog.IsView(field) && HoldsDoubles(field));
}
