using FlorenceKernels.Data;

namespace FlorenceKernels.Training;

/// <summary>Chooses what a pair's image is called in one draw: its long text, its short text bare, or the short text in a template
/// (Florence §2.1: short descriptions train better inside a sentence). All draws come from the sample's own seed.</summary>
public sealed class PairText(PretrainOptions options, PromptTemplates templates)
{
    // Streams of a sample's randomness; the image transform uses stream 0.
    private const ulong RichStream = 101, TemplateStream = 102, SentenceStream = 103;

    /// <summary>The text of this draw.</summary>
    public string Draw(PairSample sample, SampleSeed seed)
    {
        if (sample.Rich is { Length: > 0 } rich && Chance(seed, RichStream, options.RichTextProb)) { return rich; }
        return PromptTemplates.IsShort(sample.Text) && Chance(seed, TemplateStream, options.TemplateProb)
            ? templates.Draw(sample.Text, (uint)seed.Value(SentenceStream)) : sample.Text;
    }

    private static bool Chance(SampleSeed seed, ulong stream, double probability) => (seed.Value(stream) >> 11) * (1.0 / (1UL << 53)) < probability;
}
