using System;
using System.Collections.Generic;
using System.IO;

namespace FlorenceKernels.Datasets;

internal enum ImageFormat { Svg, Png }

/// <summary>One drawing as its source gives it, before rasterising and before the split is known.</summary>
internal sealed record SourceImage
{
    public required string Id { get; init; }
    public required string Source { get; init; }
    public required string Licence { get; init; }
    public required string Text { get; init; }

    /// <summary>The normalised text, or the label of the emoji concept that the text names: UniCL's y.</summary>
    public required string Key { get; init; }

    /// <summary>Whether the text names an emoji concept.</summary>
    public required bool KnownConcept { get; init; }

    public required ImageFormat Format { get; init; }
    public string? Rich { get; init; }
    public IReadOnlyList<string> Tags { get; init; } = Array.Empty<string>();
    public string Group { get; init; } = "";
    public string Subgroup { get; init; } = "";
    public bool IsFlag { get; init; }

    /// <summary>Whether empty margins are cut off: clip art is often drawn somewhere on a page.</summary>
    public bool Trim { get; init; }

    /// <summary>The file's bytes, or null where <see cref="Path"/> names a file to read when it is needed.</summary>
    public byte[]? Data { get; init; }
    public string? Path { get; init; }

    public byte[] Bytes() => Data ?? File.ReadAllBytes(Path!);
}
