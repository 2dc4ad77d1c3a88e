using System.Text.Json.Nodes;

namespace FlorenceKernels.Cli;

/// <summary>One score with what to hold it against.</summary>
/// <param name="Id">Key in metrics.json.</param> <param name="Name">Name for people.</param> <param name="Among">Images and
/// classes or captions.</param>
/// <param name="Value">Ours.</param> <param name="Chance">What guessing gives.</param> <param name="Bar">The non-learned bar on
/// the same split.</param>
/// <param name="Target">The published target.</param>
internal sealed record ScoreRow(string Id, string Name, string Among, double Value, double Chance, double? Bar = null,
    double? Target = null)
{
    /// <summary>Whether the target is met; null without one.</summary>
    public bool? IsMet => Target is { } target ? Value >= target : null;

    /// <summary>"met", "missed by 3.1 points", or nothing.</summary>
    public string Verdict =>
        IsMet switch { true => "met", false => $"missed by {100 * (Target!.Value - Value):0.0} points", null => "" };

    public JsonObject ToJson() => new()
    {
        ["id"] = Id,
        ["name"] = Name,
        ["among"] = Among,
        ["value"] = Value,
        ["chance"] = Chance,
        ["bar"] = Bar,
        ["target"] = Target,
        ["met"] = IsMet,
    };
}
