using System.CommandLine;

namespace FlorenceKernels.Cli;

/// <summary>The options that every verb has.</summary>
internal sealed class CommonOptions
{
    public Option<string> Device { get; } = new("--device")
    {
        Description = "cpu, cuda:N, opencl:N, simulator, or auto (first CUDA, else first OpenCL GPU, else cpu) [default: cpu]",
        HelpName = "DEVICE",
        Recursive = true,
    };

    public Option<ulong> Seed { get; } = new("--seed")
    {
        Description = "Seed of everything random: same seed, device and settings give the same bits [default: 1]",
        HelpName = "N",
        Recursive = true,
    };

    public Option<string> Config { get; } = new("--config")
    {
        Description = "JSON file of settings; args.json of an earlier run is one",
        HelpName = "FILE",
        Recursive = true,
    };

    public Option<string[]> Set { get; } = new("--set")
    {
        Description = "One setting by its path, for example options.learningRate=5e-4; wins over flags and --config",
        HelpName = "a.b=c",
        Recursive = true,
        Arity = ArgumentArity.OneOrMore,
    };

    public Option<bool> Json { get; } = new("--json")
    {
        Description = "Print the result as JSON on standard output; progress goes to standard error",
        Recursive = true,
    };

    public Option<bool> Verbose { get; } =
        new("--verbose") { Description = "Show the stack trace of an error", Recursive = true };

    public void AddTo(Command root)
    {
        root.Add(Device);
        root.Add(Seed);
        root.Add(Config);
        root.Add(Set);
        root.Add(Json);
        root.Add(Verbose);
    }
}
