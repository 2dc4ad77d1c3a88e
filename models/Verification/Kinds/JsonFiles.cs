using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Data;
using FlorenceKernels.Runtime;
using FlorenceKernels.Training;

namespace FlorenceKernels.Verification;

/// <summary>METER's answer normalisation and VQA scores.</summary>
public sealed class VqaFile : IGoldenJson
{
    /// <inheritdoc/>
    public string File => "15_metrics/vqa.json";

    /// <inheritdoc/>
    public int Run(string path)
    {
        using var file = JsonDocument.Parse(System.IO.File.ReadAllBytes(path));
        var compared = 0;
        foreach (var pair in file.RootElement.GetProperty("normalize").EnumerateObject())
        {
            GoldenJson.Same(path, $"normalize '{pair.Name}'", VqaAnswers.Normalize(pair.Name), pair.Value.GetString()!, ref compared);
        }

        foreach (var question in file.RootElement.GetProperty("soft_scores").EnumerateArray())
        {
            var ours = VqaAnswers.SoftScores(question.GetProperty("answers").EnumerateArray().Select(a => a.GetString()!));
            foreach (var answer in question.GetProperty("scores").EnumerateObject())
            {
                GoldenJson.Near(path, $"score of '{answer.Name}'", ours.GetValueOrDefault(answer.Name), answer.Value.GetDouble(), 1e-12, ref compared);
            }
        }

        var score = file.RootElement.GetProperty("vqa_score");
        float[] Table(string name) => [.. score.GetProperty(name).EnumerateArray().SelectMany(row => row.EnumerateArray()).Select(v => v.GetSingle())];
        GoldenJson.Near(path, "VQA score", VqaAnswers.Score(Table("logits"), Table("targets"), 9), score.GetProperty("score").GetDouble(), 1e-6, ref compared);
        return compared;
    }
}

/// <summary>CLIP's tokenizer. Its merges file can not be shipped: name it in FLORENCE_CLIP_BPE.</summary>
public sealed class TokenizerFile : IGoldenJson
{
    /// <inheritdoc/>
    public string File => "16_tokenizer/clip_bpe.json";

    /// <inheritdoc/>
    public int Run(string path)
    {
        using var file = JsonDocument.Parse(System.IO.File.ReadAllBytes(path));
        var merges = Environment.GetEnvironmentVariable("FLORENCE_CLIP_BPE");
        var compared = 0;
        var clip = string.IsNullOrEmpty(merges) ? new ClipTokenizer(new BpeMerges([])) : ClipTokenizer.Load(merges);
        foreach (var row in file.RootElement.GetProperty("cases").EnumerateArray())
        {
            var ids = Ids(row.GetProperty("ids"));
            if (string.IsNullOrEmpty(merges) && ids.Any(id => id is >= 512 and < 49406)) { continue; }
            var text = row.GetProperty("text").GetString()!;
            if (string.IsNullOrEmpty(merges) && text.Any(char.IsLetter)) { continue; }
            int[] expected = [.. ids.Select(id => id >= 49406 ? id - 49406 + clip.Sot : id)];
            var ours = clip.EncodePadded(text, row.GetProperty("padded_length").GetInt32());
            GoldenJson.Same(path, $"ids of '{text}'", string.Join(' ', ours.Ids[..ours.Length]), string.Join(' ', expected), ref compared);
        }

        if (string.IsNullOrEmpty(merges)) { throw new GoldenSkipException($"{compared} texts without merges agree; the rest needs bpe_simple_vocab_16e6.txt.gz, named in FLORENCE_CLIP_BPE"); }
        foreach (var row in file.RootElement.GetProperty("decode").EnumerateArray())
        {
            GoldenJson.Same(path, "decoded text", clip.Decode(Ids(row.GetProperty("ids"))), row.GetProperty("text").GetString()!, ref compared);
        }

        return compared;
    }

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}

/// <summary>Comparisons in JSON references.</summary>
internal static class GoldenJson
{
    public static void Same(string path, string what, string ours, string expected, ref int compared)
    {
        compared++;
        if (!string.Equals(ours, expected, StringComparison.Ordinal)) { throw new FlorenceException($"{Path.GetFileName(path)}: {what} is '{ours}', expected '{expected}'"); }
    }

    public static void Near(string path, string what, double ours, double expected, double tolerance, ref int compared)
    {
        compared++;
        if (!(Math.Abs(ours - expected) <= tolerance * Math.Max(1, Math.Abs(expected))))
        {
            throw new FlorenceException($"{Path.GetFileName(path)}: {what} is {ours:r}, expected {expected:r}");
        }
    }
}
