using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.IO;
using System.Linq;
using FlorenceKernels.Checkpoints;
using FlorenceKernels.Datasets;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Cli;

/// <summary>The program: its verbs, and the one place where errors become a sentence and an exit code.</summary>
internal static class FlorenceCommand
{
    /// <summary>Exit code of a call that cannot be carried out.</summary>
    public const int Refused = 2;

    private const int Stopped = 130;

    /// <summary>Carries out a call and gives its exit code.</summary>
    public static int Run(string[] args, CallStreams streams)
    {
        var common = new CommonOptions();
        var root = Root(common);
        var parsed = root.Parse(args.Length == 0 ? ["--help"] : args);
        try
        {
            if (parsed.Action is ParseErrorAction) { throw new UsageException(Complaint(parsed)); }
            return parsed.CommandResult.Command is Verb verb && parsed.Action is VerbAction
                ? verb.Invoke(parsed, streams, CommandLine(args))
                : parsed.Invoke(new InvocationConfiguration
                {
                    Output = streams.Output,
                    Error = streams.Error,
                    EnableDefaultExceptionHandler = false
                });
        }
        catch (OperationCanceledException)
        {
            streams.Error.WriteLine("stopped; the same command goes on from what is finished");
            return Stopped;
        }
        catch (Exception e) when (!parsed.GetValue(common.Verbose))
        {
            streams.Error.WriteLine($"florence: {Sentence(e)}");
            return Refused;
        }
        catch (Exception e)
        {
            streams.Error.WriteLine($"florence: {e}");
            return Refused;
        }
    }

    internal static RootCommand Root(CommonOptions common)
    {
        var root = new RootCommand("Florence: trains and evaluates vision-language models on an engine of its own, on CPUs and "
            + "GPUs.");
        common.AddTo(root);
        root.Add(new QuickstartVerb(common));
        root.Add(Group("data", "Real image-text data, installed by package name", new DataFetchVerb(common),
            new DataBuildVerb(common), new DataStatsVerb(common)));
        root.Add(new PretrainVerb(common));
        root.Add(new ZeroShotVerb(common));
        root.Add(new RetrieveVerb(common));
        root.Add(new EmbedVerb(common));
        root.Add(new DoctorVerb(common));
        root.Add(new GradCheckVerb(common));
        root.Add(Group("verify", "Proofs against values that other people's code computed", new VerifyGoldenVerb(common)));
        root.Add(Group("kernels", "GPU kernels", new KernelsReportVerb(common)));
        root.Add(Group("bench", "Measurements", new BenchStepVerb(common)));
        foreach (var verb in Verbs(root)) { verb.Action = new VerbAction(); }
        foreach (var help in root.Options.OfType<HelpOption>()) { help.Action = new HelpWithExamples((HelpAction)help.Action!); }
        return root;
    }

    // The call as it can be pasted into a shell.
    private static string CommandLine(string[] args) => "florence " + string.Join(' ', args.Select(a =>
        a.Length > 0 && a.All(c => char.IsAsciiLetterOrDigit(c) || "-_./=:,+".Contains(c)) ? a : $"'{a.Replace("'", "'\\''")}'"));

    private static IEnumerable<Verb> Verbs(Command command) => command.Subcommands.SelectMany(c => c is Verb v ? [v] : Verbs(c));

    private static Command Group(string name, string description, params Verb[] verbs)
    {
        var group = new Command(name, description);
        foreach (var verb in verbs) { group.Add(verb); }
        return group;
    }

    // What the parser found wrong, as one sentence that names the nearest thing that exists.
    private static string Complaint(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var path = Path(parsed);
        var verbs = string.Join(", ", command.Subcommands.Select(c => c.Name));
        if (parsed.UnmatchedTokens.FirstOrDefault() is { } token)
        {
            if (token.StartsWith('-'))
            {
                var options = command.Options.Concat(parsed.RootCommandResult.Command.Options).Select(o => o.Name);
                return $"'{token}' is not an option of '{path}'{NearestName.Hint(token, options)}; '{path} --help' lists them";
            }

            return verbs.Length == 0 ? $"'{token}' is one word too many; '{path} --help' shows what it takes"
                : $"'{token}' is not a verb of '{path}'{NearestName.Hint(token, command.Subcommands.Select(c => c.Name))}; it "
                    + $"has {verbs}";
        }

        if (verbs.Length > 0) { return $"'{path}' needs one of {verbs}"; }
        var message = parsed.Errors[0].Message.TrimEnd('.').Replace("expected type 'System.Double'", "a number",
            StringComparison.Ordinal);
        foreach (var whole in new[] { "Int32", "Int64", "UInt64" })
        {
            message = message.Replace($"expected type 'System.{whole}'", "a whole number", StringComparison.Ordinal);
        }

        return $"{char.ToLowerInvariant(message[0])}{message[1..]}; '{path} --help' shows what it takes";
    }

    private static string Path(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (var at = parsed.CommandResult; at is not null; at = at.Parent as System.CommandLine.Parsing.CommandResult)
        {
            names.Push(at.Parent is null ? "florence" : at.Command.Name);
        }

        return string.Join(' ', names);
    }

    private static string Sentence(Exception e) => e switch
    {
        UsageException or FlorenceException or DatasetException or CheckpointException or InvalidDataException
            or ArgumentException
            or IOException or UnauthorizedAccessException => e.Message.ReplaceLineEndings(" ").Trim(),
        _ => $"unexpected {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ").Trim()}; --verbose shows where",
    };

    /// <summary>Marks that a verb itself was called, not its help.</summary>
    private sealed class VerbAction : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult) =>
            throw new InvalidOperationException("verbs run through FlorenceCommand.Run");
    }

    private sealed class HelpWithExamples(HelpAction plain) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var code = plain.Invoke(parseResult);
            var output = parseResult.InvocationConfiguration.Output;
            var examples = parseResult.CommandResult.Command is Verb verb ? verb.Examples
                : [.. Verbs(parseResult.CommandResult.Command).Select(v => v.Examples[0])];
            output.WriteLine("Examples:");
            foreach (var example in examples) { output.WriteLine($"  {example}"); }
            return code;
        }
    }
}
