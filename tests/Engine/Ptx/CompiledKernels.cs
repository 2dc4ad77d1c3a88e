using System;
using System.Collections.Generic;
using System.Linq;
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

    /// <summary>Read PTX by name, in the order of the names.</summary>
    public static IReadOnlyDictionary<string, PtxListing> Listings => Read.Value;

    /// <summary>Several kernels as one module, the n-th of them named <c>kernel_n</c>: names in PTX leave out type arguments, so they repeat.</summary>
    public static string Module(IReadOnlyList<string> names)
    {
        const string headerEnd = ".address_size 64";
        var texts = names.Select((name, i) => Texts.Value[name].Replace($".entry {Listings[name].Entry}(", $".entry kernel_{i}(", StringComparison.Ordinal)).ToArray();
        return texts[0][..End(texts[0])] + string.Concat(texts.Select(t => t[End(t)..]));

        static int End(string text) => text.IndexOf(headerEnd, StringComparison.Ordinal) + headerEnd.Length;
    }

    private static SortedDictionary<string, string> Compile()
    {
        using var compiler = new PtxCompiler();
        var texts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, kernel) in KernelCatalog.Engine.Kernels) { texts[name] = compiler.Compile(kernel); }
        return texts;
    }
}
