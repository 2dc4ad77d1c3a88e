using System;
using System.Text;

namespace FlorenceKernels.Checkpoints;

/// <summary>A checkpoint that cannot be read or written; the message is one sentence naming the file, the key and the
/// limit.</summary>
public sealed class CheckpointException : Exception
{
    /// <summary>States what is wrong with <paramref name="file"/>.</summary>
    /// <param name="file">Path of the checkpoint.</param>
    /// <param name="reason">The rest of the sentence: what is wrong and what to do.</param>
    /// <param name="key">Tensor or metadata key concerned, if any.</param>
    /// <param name="limit">The limit that was exceeded, if any.</param>
    /// <param name="inner">Cause.</param>
    public CheckpointException(string file, string reason, string? key = null, long? limit = null, Exception? inner = null)
        : base($"Checkpoint '{Show(file)}': {(key is null ? "" : $"key '{Show(key)}' ")}{reason}", inner)
    {
        File = file;
        Key = key;
        Limit = limit;
    }

    /// <summary>Path of the checkpoint.</summary>
    public string File { get; }

    /// <summary>Tensor or metadata key concerned, if any.</summary>
    public string? Key { get; }

    /// <summary>The limit that was exceeded, if any.</summary>
    public long? Limit { get; }

    /// <summary>Untrusted text made safe for a terminal: control characters escaped, at most 120 characters.</summary>
    internal static string Show(string text)
    {
        var shown = new StringBuilder();
        foreach (char c in text)
        {
            if (shown.Length >= 120) return shown.Append('…').ToString();
            if (char.IsControl(c) || char.IsSurrogate(c)) shown.Append($"\\u{(int)c:x4}");
            else shown.Append(c);
        }
        return shown.ToString();
    }
}
