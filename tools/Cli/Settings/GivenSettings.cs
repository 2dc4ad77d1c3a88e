using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FlorenceKernels.Cli;

/// <summary>What the user gave, in rising precedence: a configuration file, flags, and <c>--set</c>.</summary>
internal sealed class GivenSettings
{
    private const int MaxBytes = 1 << 20;

    private readonly string? _path;
    private readonly List<(string Key, JsonNode Value)> _flags;
    private readonly (string Key, JsonNode? Value)[] _sets;

    public GivenSettings(string? configPath, List<(string Key, JsonNode Value)> flags, IReadOnlyList<string> sets)
    {
        (_path, _flags) = (configPath, flags);
        File = configPath is null ? new JsonObject() : Read(configPath);
        _sets = [.. sets.Select(Split)];
    }

    /// <summary>The configuration file's object; empty without one.</summary>
    public JsonObject File { get; }

    /// <summary>The value that wins for a key, or null when nobody gave one.</summary>
    public JsonNode? Find(string key)
    {
        var node = SettingsTree.At(File, key);
        foreach (var (name, value) in _flags.Where(f => f.Key == key)) { node = value; }
        foreach (var (name, value) in _sets.Where(s => s.Key == key)) { node = value; }
        return node;
    }

    /// <summary>The defaults with everything given laid over them.</summary>
    public SettingsTree Resolve(JsonObject defaults)
    {
        var tree = new SettingsTree(defaults);
        tree.Merge(File, _path ?? "");
        foreach (var (key, value) in _flags) { tree.Set(key, value, "the command line"); }
        foreach (var (key, value) in _sets) { tree.Set(key, value, "--set"); }
        return tree;
    }

    private static JsonObject Read(string path)
    {
        if (!System.IO.File.Exists(path)) { throw new UsageException($"--config {path}: there is no such file"); }
        if (new FileInfo(path).Length > MaxBytes)
        {
            throw new UsageException($"--config {path}: a configuration has at most 1 MiB");
        }
        try
        {
            var options = new JsonDocumentOptions
            {
                CommentHandling = JsonCommentHandling.Skip,
                AllowTrailingCommas = true,
                MaxDepth = 16
            };
            return JsonNode.Parse(System.IO.File.ReadAllText(path), null, options) as JsonObject
                ?? throw new UsageException($"--config {path}: the file must hold one JSON object");
        }
        catch (JsonException e)
        {
            throw new UsageException($"--config {path}: not valid JSON ({e.Message.Split(". ")[0].TrimEnd('.')}, line "
                + $"{e.LineNumber + 1})", e);
        }
    }

    private static (string, JsonNode?) Split(string assignment)
    {
        var at = assignment.IndexOf('=', StringComparison.Ordinal);
        if (at <= 0)
        {
            throw new UsageException($"--set {assignment}: write it as key=value, for example --set options.learningRate=5e-4");
        }
        return (assignment[..at].Trim(), Value(assignment[(at + 1)..].Trim()));
    }

    // A value that is JSON (5e-4, true, [1,2]) is taken as such; anything else is text.
    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }
}
