using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>The rules that keep the engine's parts apart. A rule that blocks good work is changed here, in sight.</summary>
public sealed partial class ArchitectureTests
{
    // Who may reference whom; what a project reaches through these is allowed too.
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Runtime"] = [],
        ["Tensors"] = ["Runtime"],
        ["Nn"] = ["Tensors"],
        ["Optim"] = ["Nn"],
        ["Distributed"] = ["Tensors"],
        ["Data"] = ["Tensors"],
        ["Checkpoints"] = ["Nn", "Optim"],
        ["OpCases"] = ["Tensors"],
        ["Models"] = ["Nn"],
        ["Training"] = ["Models", "Optim", "Distributed", "Data", "Checkpoints", "OpCases"],
        ["Verification"] = ["Training"],
        ["Datasets"] = ["Data"],
        ["Cli"] = ["Training", "Verification", "Datasets"],
    };

    // Kernels are compiled for GPUs here and nowhere else.
    private static readonly string[] KnowTheGpuCompiler = ["Runtime", "Tensors", "Optim"];

    [GeneratedRegex(@"[(,]\s*(?:(?:in|ref|out|params|scoped|readonly)\s+)*(?:ReadOnlySpan<|IReadOnlyList<|List<)?Tensor(?:>|\?|\[\])*\s+\w")]
    private static partial Regex TensorParameter();

    [GeneratedRegex(@"\b(?:class|struct|record|interface|enum)\s+\w*(?:Utils?|Utilities|Helpers?|Manager|Common)\b")]
    private static partial Regex EmptyName();

    [Fact]
    public void Project_references_follow_the_arrows()
    {
        var faults = from project in SourceTree.Projects()
                     where !IsProofOrMeasurement(project.Key)
                     from target in project.Value
                     where !Arrows.TryGetValue(Short(project.Key), out var allowed) || !allowed.Contains(Short(target))
                     select $"{project.Key} references {target}";
        Faults.None(faults);
    }

    [Fact]
    public void Compiled_assemblies_use_only_what_their_arrows_reach()
    {
        var faults = from assembly in Assemblies()
                     let name = Short(assembly.GetName().Name!)
                     let reach = Reach(name)
                     from used in assembly.GetReferencedAssemblies()
                     where used.Name!.StartsWith("FlorenceKernels.", StringComparison.Ordinal) && !reach.Contains(Short(used.Name))
                     select $"{name} uses {used.Name}";
        Faults.None(faults);
    }

    [Fact]
    public void Only_kernel_projects_use_the_gpu_compiler() => Faults.None(
        from assembly in Assemblies()
        where assembly.GetReferencedAssemblies().Any(a => a.Name!.StartsWith("ILGPU", StringComparison.Ordinal))
        let name = Short(assembly.GetName().Name!)
        where !KnowTheGpuCompiler.Contains(name)
        select name);

    [Fact]
    public void Kernels_take_no_tensor() => Faults.None(
        from file in SourceTree.Files(".cs", "engine")
        where file.EndsWith(".Cpu.cs", StringComparison.Ordinal) || file.EndsWith(".Gpu.cs", StringComparison.Ordinal)
        from line in SourceTree.Code(file)
        where TensorParameter().IsMatch(line.Text)
        select $"{line.Place}: {line.Text.Trim()}");

    [Fact]
    public void Native_functions_are_imported_in_the_runtime_and_the_mpi_binding_only() => Faults.None(
        from file in SourceTree.Files(".cs", "engine", "models", "tools")
        where !file.StartsWith("engine/Runtime/", StringComparison.Ordinal) && !file.StartsWith("engine/Distributed/Mpi/", StringComparison.Ordinal)
        from line in SourceTree.Code(file)
        where line.Text.Contains("DllImport", StringComparison.Ordinal) || line.Text.Contains("LibraryImport", StringComparison.Ordinal)
        select line.Place);

    [Fact]
    public void The_console_belongs_to_the_command_line() => Faults.None(
        from file in SourceTree.Files(".cs", "engine", "models", "tools/Datasets")
        from line in SourceTree.Code(file)
        where Regex.IsMatch(line.Text, @"\bConsole\.")
        select $"{line.Place}: {line.Text.Trim()}");

    [Fact]
    public void Files_stay_below_400_lines() => Faults.None(
        from file in SourceTree.Files(".cs", "engine", "models", "tools", "tests", "benchmarks")
        let lines = SourceTree.Lines(file).Length
        where lines >= 400
        select $"{file} has {lines} lines");

    [Fact]
    public void Types_are_named_for_what_they_are() => Faults.None(
        from file in SourceTree.Files(".cs", "engine", "models", "tools", "tests", "benchmarks")
        from line in SourceTree.Code(file)
        where EmptyName().IsMatch(line.Text)
        select $"{line.Place}: {line.Text.Trim()}");

    [Fact]
    public void Every_project_has_its_arrows_named() => Faults.None(SourceTree.Projects().Keys
        .Where(p => !IsProofOrMeasurement(p) && !Arrows.ContainsKey(Short(p))));

    [Theory]
    [InlineData("    public static void Run(Tensor x)", true)]
    [InlineData("    internal readonly struct Args(int n, in Tensor? x)", true)]
    [InlineData("        int rows, Tensor[] inputs)", true)]
    [InlineData("    public static void Run(TensorShape shape)", false)]
    [InlineData("        var y = Tensor.Empty(shape);", false)]
    public void Tensor_parameters_are_recognised(string line, bool isOne) => Assert.Equal(isOne, TensorParameter().IsMatch(line));

    private static bool IsProofOrMeasurement(string project) => project.StartsWith("FlorenceKernels.Test", StringComparison.Ordinal)
        || project == "FlorenceKernels.Benchmarks";

    private static string Short(string project) => project["FlorenceKernels.".Length..];

    private static HashSet<string> Reach(string name)
    {
        var reach = new HashSet<string>();
        var open = new Stack<string>(Arrows[name]);
        while (open.TryPop(out var next))
        {
            if (!reach.Add(next)) { continue; }
            foreach (var target in Arrows[next]) { open.Push(target); }
        }

        return reach;
    }

    private static IEnumerable<Assembly> Assemblies()
    {
        var assemblies = Arrows.Keys.Select(p => Path.Combine(AppContext.BaseDirectory, $"FlorenceKernels.{p}.dll")).Where(File.Exists)
            .Select(Assembly.LoadFrom).ToList();
        Assert.True(assemblies.Count >= 10, $"only {assemblies.Count} assemblies lie beside the tests");
        return assemblies;
    }
}
