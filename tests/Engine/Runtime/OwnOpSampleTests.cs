using System;
using System.Diagnostics;
using System.IO;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class OwnOpSampleTests
{
    private static readonly string Built =
        Path.GetRelativePath("tests/Engine", Path.GetRelativePath(SourceTree.Root ?? ".", AppContext.BaseDirectory));

    [Fact]
    public void The_sample_of_an_own_op_finds_itself_right()
    {
        if (SourceTree.Root is not { } root) { Assert.Skip("the sources are not above this program"); return; }
        var start = new ProcessStartInfo("dotnet", [Path.Combine(root, "samples/OwnOp", Built, "OwnOp.dll")])
        { RedirectStandardOutput = true };
        using var sample = Process.Start(start)!;
        var said = sample.StandardOutput.ReadToEnd();
        sample.WaitForExit();
        Assert.Equal(0, sample.ExitCode);
        Assert.EndsWith("soft_threshold is right", said.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_sample_of_an_own_op_stays_below_100_lines_and_needs_no_internals()
    {
        if (SourceTree.Root is not { } root) { Assert.Skip("the sources are not above this program"); return; }
        Assert.InRange(File.ReadAllLines(Path.Combine(root, "samples/OwnOp/Program.cs")).Length, 1, 99);
        var project = File.ReadAllText(Path.Combine(root, "samples/OwnOp/OwnOp.csproj"));
        Assert.DoesNotContain("InternalsVisibleTo", project, StringComparison.Ordinal);
    }
}
