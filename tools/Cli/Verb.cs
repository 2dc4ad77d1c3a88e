using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FlorenceKernels.Cli;

/// <summary>A verb: its flags, the settings they fill, its examples, and what it does.</summary>
internal abstract class Verb : Command
{
    private readonly List<(Func<ParseResult, JsonNode?> Read, string Key)> _bindings = [];
    private readonly CommonOptions _common;

    protected Verb(CommonOptions common, string name, string description, params string[] examples) : base(name, description)
    {
        (_common, Examples) = (common, examples);
        Bind(common.Device, "device");
    }

    /// <summary>Calls that a reader can copy.</summary>
    public IReadOnlyList<string> Examples { get; }

    /// <summary>Runs the verb with the streams of the process.</summary>
    public int Invoke(ParseResult parsed, CallStreams streams, string commandLine)
    {
        var raw = new GivenSettings(parsed.GetValue(_common.Config), Flags(parsed), parsed.GetValue(_common.Set) ?? []);
        var settings = raw.Resolve(Defaults(raw));
        return Run(new VerbCall(settings, new Screen(streams, parsed.GetValue(_common.Json)), commandLine));
    }

    /// <summary>Every setting of the verb with its default; other keys are refused. null stands for "not given".</summary>
    protected abstract JsonObject Defaults(GivenSettings given);

    /// <summary>Does it; the result is the exit code.</summary>
    protected abstract int Run(VerbCall call);

    /// <summary>A flag that fills a setting.</summary>
    protected void Flag<T>(string name, string key, string description, string helpName = "")
    {
        var option = new Option<T>(name) { Description = description };
        if (helpName.Length > 0) { option.HelpName = helpName; }
        Add(option);
        Bind(option, key);
    }

    /// <summary>An argument without a name that fills a setting.</summary>
    protected void Positional(string name, string key, string description)
    {
        var argument = new Argument<string>(name) { Description = description, Arity = ArgumentArity.ZeroOrOne };
        Add(argument);
        _bindings.Add((parsed => parsed.GetResult(argument) is { Tokens.Count: > 0 }
            ? JsonValue.Create(parsed.GetValue(argument)) : null, key));
    }

    /// <summary>Lets <c>--seed</c> fill this setting.</summary>
    protected void BindSeed(string key) => Bind(_common.Seed, key);

    private void Bind<T>(Option<T> option, string key) =>
        _bindings.Add((parsed => parsed.GetResult(option) is { Implicit: false }
            ? JsonSerializer.SerializeToNode(parsed.GetValue(option)) : null, key));

    private List<(string Key, JsonNode Value)> Flags(ParseResult parsed)
    {
        var given = new List<(string, JsonNode)>();
        foreach (var (read, key) in _bindings)
        {
            if (read(parsed) is { } value) { given.Add((key, value)); }
        }

        return given;
    }
}
