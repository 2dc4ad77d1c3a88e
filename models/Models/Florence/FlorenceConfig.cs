using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Models;

/// <summary>The two towers and what joins them.</summary>
public sealed record FlorenceConfig
{
    private const int MaxBytes = 1 << 20;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        PropertyNameCaseInsensitive = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        MaxDepth = 16,
        WriteIndented = true,
        Converters = { new EnumNames() },
    };

    /// <summary>The image encoder.</summary>
    public required CoSwinConfig Image { get; init; }

    /// <summary>The text encoder.</summary>
    public required TextConfig Text { get; init; }

    /// <summary>Size of the common embedding.</summary>
    public int EmbedDim { get; init; } = 512;

    /// <summary>Initial logarithm of the scale that multiplies cosines: ln(1/0.07) as CLIP; UniCL starts at 1.</summary>
    public double LogitScale { get; init; } = 2.6592600369327781;

    /// <summary>Upper limit of the logarithm, applied after each step: ln 100 as CLIP; null for UniCL's free scale.</summary>
    public double? MaxLogitScale { get; init; } = 4.6051701859880918;

    /// <summary>Names of the built-in configurations.</summary>
    public static string[] Presets => [.. Resources().Select(r => r.Split('.')[^2]).Order(StringComparer.Ordinal)];

    /// <summary>Reads a built-in configuration by name, or a JSON file by path.</summary>
    /// <exception cref="FlorenceException">Neither exists, or the JSON has an unknown key or a wrong value.</exception>
    public static FlorenceConfig Load(string nameOrPath)
    {
        var resource = Resources().FirstOrDefault(r => string.Equals(r.Split('.')[^2], nameOrPath, StringComparison.OrdinalIgnoreCase));
        if (resource is null && !File.Exists(nameOrPath))
        {
            throw new FlorenceException($"'{nameOrPath}' is neither a file nor one of the built-in models: {string.Join(", ", Presets)}");
        }

        if (resource is null && new FileInfo(nameOrPath).Length > MaxBytes) { throw new FlorenceException($"{nameOrPath}: a configuration has at most 1 MiB"); }
        using var stream = resource is null ? File.OpenRead(nameOrPath) : typeof(FlorenceConfig).Assembly.GetManifestResourceStream(resource)!;
        using var reader = new StreamReader(stream);
        return Parse(reader.ReadToEnd(), nameOrPath);
    }

    /// <summary>Reads JSON text; <paramref name="source"/> names it in errors.</summary>
    /// <exception cref="FlorenceException">The JSON has an unknown key or a wrong value.</exception>
    public static FlorenceConfig Parse(string json, string source)
    {
        try
        {
            var config = JsonSerializer.Deserialize<FlorenceConfig>(json, Json) ?? throw new FlorenceException($"{source}: empty configuration");
            _ = config.Image.Validated();
            _ = config.Text.Validated();
            return config;
        }
        catch (UnknownChoiceException e)
        {
            throw new FlorenceException($"{source}: '{e.Path?.TrimStart('$', '.')}': {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new FlorenceException($"{source}: {e.Message}", e);
        }
    }

    /// <summary>This configuration as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    private static string[] Resources() => [.. Assembly.GetExecutingAssembly().GetManifestResourceNames().Where(n => n.EndsWith(".json", StringComparison.Ordinal))];
}
