using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;
using FlorenceKernels.Verification;

namespace FlorenceKernels.Cli;

/// <summary><c>florence doctor</c>: what of this machine is usable, and why the rest is not.</summary>
internal sealed class DoctorVerb : Verb
{
    public DoctorVerb(CommonOptions common)
        : base(common, "doctor", "Devices and libraries of this machine: what works, and what to do about the rest",
        "florence doctor", "florence doctor --device opencl:0", "florence doctor --json") => BindSeed("seed");

    protected override JsonObject Defaults(GivenSettings given) => new() { ["device"] = null, ["seed"] = 1 };

    protected override int Run(VerbCall call)
    {
        var devices = GpuContext.Find();
        if (call.Settings.TextOrNull("device") is { } wanted) { _ = Device.Open(wanted); }
        var facts = Facts().ToArray();
        var checks = devices.Where(d => d.Refused is null).ToDictionary(d => d.Name, d
            => DeviceCheck.SelfTest(Device.Open(d.Name)));
        call.Screen.Table(["device", "hardware", "state", "self-test", "note"], devices.Select(d => new[]
        {
            d.Name, d.Description, d.Refused is null ? "usable" : $"not usable: {d.Refused}",
            checks.TryGetValue(d.Name, out var check)
                ? $"{(check.Passed ? "passed" : $"FAILED: {check.Message}")} in {check.Seconds:0.0} s" : "", d.Note ?? "",
        }));
        call.Screen.Line($"auto is {GpuContext.BestDevice()}");
        call.Screen.Table(["what", "found"], facts.Select(f => new[] { f.Name, f.Value }));
        call.Screen.Result(new JsonObject
        {
            ["auto"] = GpuContext.BestDevice(),
            ["devices"] = new JsonArray([.. devices.Select(d => new JsonObject
            {
                ["name"] = d.Name, ["hardware"] = d.Description, ["usable"] = d.Refused is null, ["reason"] = d.Refused,
                    ["note"] = d.Note,
                ["selfTest"] = checks.TryGetValue(d.Name, out var check) ? check.Message
                    : null, ["selfTestPassed"] = check?.Passed,
            })]),
            ["facts"] = new JsonObject(facts.Select(f => KeyValuePair.Create<string, JsonNode?>(f.Name, f.Value))),
        });
        return checks.Values.All(c => c.Passed) ? 0 : 1;
    }

    // A device that is listed but can not be opened is a finding, not the end of the report.
    private static DeviceCheckResult SelfTest(string name)
    {
        try { return DeviceCheck.SelfTest(Device.Open(name)); }
        catch (DeviceException e) { return new DeviceCheckResult(name, false, e.Message, 0); }
    }

    private static IEnumerable<(string Name, string Value)> Facts()
    {
        yield return (".NET", $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}");
        yield return ("operating system", RuntimeInformation.OSDescription);
        yield return ("SIMD", $"{SimdLevels.Current} in use, {SimdLevels.Best} is the best of this CPU (FLORENCE_SIMD chooses)");
        yield return ("threads", $"{Environment.ProcessorCount}");
        yield return ("memory", $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9:0.0} GB");
        yield return ("MPI", MpiLibrary.Describe());
        yield return ("npm", Client("npm", "needed to fetch the emoji packages"));
        yield return ("apt-get", Client("apt-get", "needed for tuxpaint and openclipart"));
        yield return ("golden cases", GoldenSuite.FindDirectory() is { } golden && Directory.Exists(golden)
            ? Path.GetFullPath(golden) : "none found; set FLORENCE_GOLDEN to their folder");
        yield return ("data", DataSource.Root);
    }

    private static string Client(string name, string purpose)
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder
            => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        return path ?? $"not on the PATH; {purpose}";
    }
}
