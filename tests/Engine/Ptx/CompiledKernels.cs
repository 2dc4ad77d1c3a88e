using System;
using System.Collections.Generic;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tests.Engine;

/// <summary>The PTX of every kernel, compiled once for all tests.</summary>
internal static class CompiledKernels
{
    private static readonly Lazy<SortedDictionary<string, string>> Texts = new(Compile);
    private static readonly Lazy<SortedDictionary<string, PtxListing>> Read = new(() =>
    {
        var listings = new SortedDictionary<string, PtxListing>(StringComparer.Ordinal);
        foreach (var (name, text) in Texts.Value) { listings[name] = new PtxListing(text); }
        return listings;
    });

    /// <summary>PTX by name, in the order of the names.</summary>
    public static IReadOnlyDictionary<string, string> Ptx => Texts.Value;

    /// <summary>The same, read.</summary>
    public static IReadOnlyDictionary<string, PtxListing> Listings => Read.Value;

    private static SortedDictionary<string, string> Compile()
    {
        using var compiler = new PtxCompiler();
        var texts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, kernel) in KernelCatalog.Engine.Kernels) { texts[name] = compiler.Compile(kernel); }
        return texts;
    }
}
