using System.Collections.Generic;
using System.IO;
using System.Linq;
using FlorenceKernels.Testing;
using FlorenceKernels.Verification;
using Xunit;

namespace FlorenceKernels.Tests.Models;

/// <summary>Every reference case, on every device that is present. The same harness as <c>florence verify golden</c>.</summary>
public sealed class GoldenTests
{
    // The CPU runs every case. Emulated devices run those they finish in seconds; FLORENCE_LONG=1 adds larger ones where lanes are not threads.
    private const long EmulatedBytes = 300_000, LongBytes = 1_200_000;

    private static readonly bool IsLong = System.Environment.GetEnvironmentVariable("FLORENCE_LONG") == "1";

    public static IEnumerable<TheoryDataRow<string, string>> Cases()
    {
        var root = GoldenSuite.FindDirectory();
        if (root is null) { return [new TheoryDataRow<string, string>("cpu", "")]; }
        return from device in TestDevices.Names
               from file in GoldenSuite.Files(root)
               where device == "cpu" || IsForAllDevices(file, device)
               select new TheoryDataRow<string, string>(device, Path.GetRelativePath(root, file));
    }

    [Theory, MemberData(nameof(Cases))]
    public void Case_agrees_with_the_reference(string device, string file)
    {
        var root = GoldenSuite.FindDirectory();
        if (root is null) { Assert.Skip("no shared/golden directory beside the repository; set FLORENCE_GOLDEN"); }
        var result = GoldenSuite.Run(Path.Combine(root, file), TestDevices.Open(device));
        if (result.Outcome == GoldenOutcome.Skipped) { Assert.Skip(result.Message); }
        Assert.True(result.Outcome == GoldenOutcome.Passed, $"{result.Name} on {device}: {result.Message}");
    }

    // Host-only groups (images, metrics, tokens) do not depend on the device.
    private static bool IsForAllDevices(string file, string device) =>
        !new[] { "10_coco", "14_image", "15_metrics", "16_tokenizer", "schedules", "param_groups" }.Any(file.Contains)
        && new FileInfo(file).Length < (IsLong && device != "simulator" ? LongBytes : EmulatedBytes);
}
