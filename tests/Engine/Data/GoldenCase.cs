using System.Collections.Generic;
using System.IO;
using System.Linq;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Opens golden cases, or skips the test with the reason.</summary>
internal static class GoldenCase
{
    internal static GoldenFile Open(string group, string name) => GoldenFile.Open(PathOf(group, name + ".safetensors"));

    internal static string PathOf(string group, string file)
    {
        var root = GoldenDirectory.Find();
        if (root is null) Assert.Skip(GoldenDirectory.MissingReason);
        return Path.Combine(root, group, file);
    }

    /// <summary>One row a case; without data one row, which then skips: the runner counts a theory of no rows as failed.</summary>
    internal static IEnumerable<TheoryDataRow<string>> Rows(string group) =>
        GoldenDirectory.Cases(group).DefaultIfEmpty("no data").Select(name => new TheoryDataRow<string>(name));

    /// <summary>A theory over files says nothing of a file that is gone.</summary>
    internal static void RequireCount(string group, int count)
    {
        PathOf(group, "");   // skips without data
        Assert.Equal(count, GoldenDirectory.Cases(group).Count());
    }

    internal static void Agrees(GoldenComparison comparison) => Assert.True(comparison.Agrees, comparison.ToString());
}
