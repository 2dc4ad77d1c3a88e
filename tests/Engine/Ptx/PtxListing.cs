using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace FlorenceKernels.Tests.Engine;

/// <summary>PTX text as lists of instructions (PTX ISA 8.0, chapters 4 and 9).</summary>
internal sealed partial class PtxListing
{
    private static readonly string[] Spaces = ["global", "shared", "local", "param", "const"];

    private readonly string[] _instructions;

    public PtxListing(string text)
    {
        var lines = text.Split('\n').Select(l => l.Trim()).ToArray();
        _instructions = [.. lines.Select(l => Guard().Replace(l, "")).Where(l => l.EndsWith(';') && char.IsAsciiLetterLower(l[0]))];
        SharedBytes = lines.Select(l => SharedArray().Match(l)).Where(m => m.Success).Sum(m => int.Parse(m.Groups[1].Value));
        Entry = lines.Select(l => EntryPoint().Match(l)).First(m => m.Success).Groups[1].Value;
        Locals = [.. lines.Where(l => l.StartsWith(".local", StringComparison.Ordinal)).Select(l => l.Replace(";;", ";", StringComparison.Ordinal))];
    }

    /// <summary>Name of the kernel.</summary>
    public string Entry { get; }

    /// <summary>Static shared memory of a group.</summary>
    public int SharedBytes { get; }

    /// <summary>Declarations of stack frames.</summary>
    public IReadOnlyList<string> Locals { get; }

    /// <summary>Loads, stores and atomics that do not say where they go.</summary>
    public IEnumerable<string> Generic => _instructions.Where(i => Root(i) is "ld" or "st" or "atom" or "red"
        && !Spaces.Any(s => Opcode(i).Contains("." + s, StringComparison.Ordinal)));

    /// <summary>Instructions on 64-bit floating point numbers.</summary>
    public IEnumerable<string> Doubles => _instructions.Where(i => Opcode(i).Contains(".f64", StringComparison.Ordinal));

    /// <summary>Calls of functions that were not inlined.</summary>
    public IEnumerable<string> Calls => _instructions.Where(i => Root(i) == "call");

    /// <summary>Instructions by class, in a fixed order.</summary>
    public IReadOnlyDictionary<string, int> Counts => new SortedDictionary<string, int>(StringComparer.Ordinal)
    {
        ["add"] = Floating("add"),
        ["all"] = _instructions.Length,
        ["bar"] = Count("bar"),
        ["bra"] = Count("bra"),
        ["cvt"] = Count("cvt"),
        ["fma"] = Count("fma"),
        ["ld.global"] = Count("ld.global"),
        ["ld.shared"] = Count("ld.shared"),
        ["mma"] = Count("mma"),
        ["mul"] = Floating("mul"),
        ["shared"] = SharedBytes,
        ["st.global"] = Count("st.global"),
        ["st.shared"] = Count("st.shared"),
    };

    [GeneratedRegex(@"^@!?%\w+\s+")]
    private static partial Regex Guard();

    [GeneratedRegex(@"\.entry\s+([\w$]+)")]
    private static partial Regex EntryPoint();

    [GeneratedRegex(@"^\.shared\b.*\.b8\s+[\w$]+\[(\d+)\]")]
    private static partial Regex SharedArray();

    private static string Opcode(string instruction) => instruction.Split((char[])[' ', '\t', ';'], 2)[0];

    private static string Root(string instruction) => Opcode(instruction).Split('.')[0];

    // ILGPU writes a product and a sum, which the assembler contracts.
    private int Floating(string root) => _instructions.Count(i => Root(i) == root && Opcode(i).Contains(".f", StringComparison.Ordinal));

    private int Count(string prefix) => _instructions.Count(i => Opcode(i) is var op && (op == prefix || op.StartsWith(prefix + ".", StringComparison.Ordinal)));
}
