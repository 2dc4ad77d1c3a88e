using System.IO;
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

    internal static void Agrees(GoldenComparison comparison) => Assert.True(comparison.Agrees, comparison.ToString());
}
