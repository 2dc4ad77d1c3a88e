using System;
using FlorenceKernels.Data;

namespace FlorenceKernels.Datasets;

/// <summary>Draws of one scene: stream 0, 1, 2, ... of its seed.</summary>
internal struct ShapeRandom(SampleSeed seed)
{
    private ulong _stream;

    public int Next(int bound) => (int)Math.BigMul(seed.Value(_stream++), (ulong)bound, out _);

    /// <summary>Uniform in [low, high).</summary>
    public float Between(float low, float high) => low + (high - low) * ((seed.Value(_stream++) >> 40) * (1f / (1 << 24)));
}

/// <summary>A scene and the sentence that is true of it.</summary>
internal sealed record SceneText(string Sentence, string Key, string Relation, Shape[] Shapes);

/// <summary>Places shapes and says what is seen: "a small red circle above a blue square".</summary>
internal static class ShapeSentences
{
    private const float Medium = 0.17f, Small = 0.10f, Large = 0.24f;
    private static readonly int Kinds = Enum.GetValues<ShapeKind>().Length;

    public static string Name(ShapeKind kind) => kind.ToString().ToLowerInvariant();

    public static SceneText Draw(ref ShapeRandom random, int count, ShapeStyle style)
    {
        if (count == 1)
            return Single(ref random, (ShapeKind)random.Next(Kinds),
                ShapeScenes.Colours[random.Next(ShapeScenes.Colours.Length)], style);
        var shapes = new Shape[count];
        var names = new string[count];
        bool column = random.Next(2) == 0;
        for (int i = 0; i < count; i++)
        {
            float along = (i + 0.5f) / count + random.Between(-0.03f, 0.03f), across = random.Between(0.4f, 0.6f);
            (shapes[i], names[i]) = One(ref random, style, column ? across : along, column ? along : across, sized: count == 2);
        }

        string relation = (count, column) switch
        {
            (2, true) => "above",
            (2, false) => "left of",
            (_, true) => "column",
            _ => "row",
        };
        string sentence = count == 2
            ? column ? $"{names[0]} above {names[1]}" : $"{names[0]} to the left of {names[1]}"
            : $"{names[0]}, {names[1]} and {names[2]} in a {relation}";
        return new SceneText(sentence, TextKey.Normalise(sentence), relation, shapes);
    }

    public static SceneText Single(ref ShapeRandom random, ShapeKind kind, Colour colour, ShapeStyle style)
    {
        var shape = new Shape(kind, colour, random.Between(0.4f, 0.6f), random.Between(0.4f, 0.6f),
            random.Between(0.2f, 0.32f), random.Between(-0.2f, 0.2f), style);
        string sentence = WithArticle($"{colour.Name} {Name(kind)}");
        return new SceneText(sentence, TextKey.Normalise(sentence), "alone", [shape]);
    }

    private static (Shape Shape, string Name) One(ref ShapeRandom random, ShapeStyle style, float x, float y, bool sized)
    {
        var kind = (ShapeKind)random.Next(Kinds);
        Colour colour = ShapeScenes.Colours[random.Next(ShapeScenes.Colours.Length)];
        // Three in a row leave no room for sizes; of two, half of the shapes say theirs.
        int size = sized ? random.Next(4) : 3;
        float radius = (size switch { 0 => Small, 1 => Large, _ => Medium }) * (sized ? 1f : 0.85f);
        string said = size switch { 0 => "small ", 1 => "large ", _ => "" };
        var shape = new Shape(kind, colour, x, y, radius * random.Between(0.93f, 1.07f), random.Between(-0.15f, 0.15f), style);
        return (shape, WithArticle($"{said}{colour.Name} {Name(kind)}"));
    }

    private static string WithArticle(string name) => (name[0] is 'a' or 'e' or 'i' or 'o' or 'u' ? "an " : "a ") + name;
}
