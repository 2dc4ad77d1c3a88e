using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Models;

public sealed partial record DetectorConfig
{
    private const string Folder = "detectors/";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = JsonNumberHandling.Strict,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        WriteIndented = true,
        Converters = { new EnumNames() },
    };

    /// <summary>Names of the built-in detectors: <c>tiny</c> is the released Swin-T detector on CoSwin-T, <c>nano</c> learns
    /// small pictures on a CPU.</summary>
    public static string[] Presets =>
    [
        .. Assembly.GetExecutingAssembly().GetManifestResourceNames().Where(n => n.StartsWith(Folder, StringComparison.Ordinal))
            .Select(n => n[Folder.Length..]).Order(StringComparer.Ordinal),
    ];

    /// <summary>Reads a built-in detector by name, or a JSON file by path.</summary>
    /// <exception cref="FlorenceException">Neither exists, or the JSON has an unknown key or a wrong value.</exception>
    public static DetectorConfig Load(string nameOrPath)
    {
        var preset = Presets.FirstOrDefault(p => string.Equals(p, nameOrPath, StringComparison.OrdinalIgnoreCase));
        if (preset is null && !File.Exists(nameOrPath))
        {
            throw new FlorenceException(
                $"'{nameOrPath}' is neither a file nor one of the built-in detectors: {string.Join(", ", Presets)}");
        }

        if (preset is null) { return Parse(File.ReadAllText(nameOrPath), nameOrPath); }
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(Folder + preset)!);
        return Parse(reader.ReadToEnd(), preset);
    }

    /// <summary>Reads JSON text; <paramref name="source"/> names it in errors.</summary>
    /// <exception cref="FlorenceException">The JSON has an unknown key or a wrong value.</exception>
    public static DetectorConfig Parse(string json, string source)
    {
        try
        {
            return JsonSerializer.Deserialize<DetectorConfig>(json, Json)?.Validated()
                ?? throw new FlorenceException($"{source}: empty configuration");
        }
        catch (JsonException e)
        {
            var setting = e is UnknownChoiceException ? $"'{e.Path?.TrimStart('$', '.')}': " : "";
            throw new FlorenceException($"{source}: {setting}{e.Message}", e);
        }
    }

    /// <summary>This configuration as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);
}
