using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using FlorenceKernels.Models;

namespace FlorenceKernels.Cli;

/// <summary>The settings of a verb as a tree; a key outside the tree is refused with the nearest known one.</summary>
internal sealed class SettingsTree(JsonObject defaults)
{
    // Objects whose keys are names of the user's data, not settings.
    private static readonly string[] Maps = ["options.sourceShares"];

    /// <summary>All settings as resolved.</summary>
    public JsonObject Root { get; } = (JsonObject)defaults.DeepClone();

    /// <summary>A number node's value; JSON of this program and of files hold numbers in different types.</summary>
    public static double NumberOf(JsonNode node) => double.TryParse(node.ToJsonString(), out var value) ? value : double.NaN;

    /// <summary>The node at a dotted path; null when absent.</summary>
    public static JsonNode? At(JsonObject root, string path)
    {
        JsonNode? node = root;
        foreach (var part in path.Split('.')) { node = (node as JsonObject)?[part]; }
        return node;
    }

    /// <summary>Lays an object over the tree.</summary>
    public void Merge(JsonObject overlay, string source, string prefix = "")
    {
        foreach (var (name, value) in overlay)
        {
            var path = prefix + name;
            if (value is JsonObject inner && At(Root, path) is JsonObject) { Merge(inner, source, path + "."); }
            else { Set(path, value, source); }
        }
    }

    /// <summary>Sets one key.</summary>
    public void Set(string path, JsonNode? value, string source)
    {
        var cut = path.LastIndexOf('.');
        var name = path[(cut + 1)..];
        if ((cut < 0 ? Root : At(Root, path[..cut])) is not JsonObject parent
            || !(parent.ContainsKey(name) || Maps.Contains(path[..Math.Max(0, cut)])))
        {
            throw new UsageException($"{source}: '{path}' is not a setting{NearestName.Hint(path, Paths(Root, ""))}");
        }

        parent[name] = Fitting(parent[name], value, path, source)?.DeepClone();
    }

    /// <summary>A text setting.</summary>
    public string Text(string path) => TextOrNull(path)
        ?? throw new UsageException($"the setting '{path}' is missing; give --{path}");

    /// <summary>A text setting, or null when not given.</summary>
    public string? TextOrNull(string path) => At(Root, path)?.ToString();

    /// <summary>A number setting.</summary>
    public double Number(string path) => NumberOf(At(Root, path)!);

    /// <summary>A whole number of at least <paramref name="least"/>.</summary>
    public int Integer(string path, int least = int.MinValue)
    {
        var value = Number(path);
        return value == Math.Floor(value) && value >= least && value <= int.MaxValue ? (int)value
            : throw new UsageException($"{path} is {value}; it must be a whole "
                + $"number{(least > int.MinValue ? $" of at least {least}" : "")}");
    }

    /// <summary>A yes-or-no setting.</summary>
    public bool Flag(string path) => At(Root, path)!.GetValue<bool>();

    /// <summary>Part of the tree as an object of a type.</summary>
    public T Read<T>(string path, JsonSerializerOptions options)
    {
        try
        {
            return At(Root, path).Deserialize<T>(options) ?? throw new UsageException($"the settings under '{path}' are empty");
        }
        catch (UnknownChoiceException e)
        {
            throw new UsageException($"the setting '{path}{e.Path?.TrimStart('$')}': {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new UsageException($"the setting '{path}{e.Path?.TrimStart('$')}' has a value that does not fit it", e);
        }
    }

    private static JsonNode? Fitting(JsonNode? known, JsonNode? value, string path, string source)
    {
        if (known is null || value is null) { return value; }
        var (wanted, given) = (Kind(known), Kind(value));
        if (wanted == given) { return value; }
        if (wanted == "a text" && given is "a number" or "true or false") { return JsonValue.Create(value.ToJsonString()); }
        throw new UsageException($"{source}: '{path}' must be {wanted}, not {value.ToJsonString()}");
    }

    private static string Kind(JsonNode node) => node.GetValueKind() switch
    {
        JsonValueKind.Number => "a number",
        JsonValueKind.String => "a text",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        JsonValueKind.Array => "a list",
        _ => "an object",
    };

    private static IEnumerable<string> Paths(JsonObject node, string prefix) => node.SelectMany(p =>
        p.Value is JsonObject inner ? Paths(inner, $"{prefix}{p.Key}.") : [prefix + p.Key]);
}
