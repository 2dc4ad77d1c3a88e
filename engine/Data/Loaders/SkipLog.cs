using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;

namespace FlorenceKernels.Data;

/// <summary>Thrown when so many samples had to be skipped that training on the rest would mean something else.</summary>
public sealed class TooManySkippedException : Exception
{
    /// <summary>An error without a message.</summary>
    public TooManySkippedException() { }

    /// <summary>An error that says <paramref name="message"/>.</summary>
    public TooManySkippedException(string message) : base(message) { }

    /// <summary>An error that says <paramref name="message"/> because of <paramref name="inner"/>.</summary>
    public TooManySkippedException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>
/// Counts skipped samples, appends them to <c>skipped.jsonl</c>, and stops the run above a rate. The rate is taken over windows
/// of <see cref="Window"/> samples, so that a bad shard late in a long run is not averaged away.
/// </summary>
public sealed class SkipLog
{
    /// <summary>Samples in a window of the rate.</summary>
    public const int Window = 10_000;

    /// <summary>Fewer samples than this do not make a rate: one bad sample among the first ten must not stop a run.</summary>
    public const int LeastSeen = 200;

    private readonly string? _path;
    private readonly double _maxRate;
    private long _windowSeen;
    private long _windowSkipped;

    /// <param name="path">The file to append to, or null to count only.</param>
    /// <param name="maxRate">The share of skipped samples above which the run stops.</param>
    public SkipLog(string? path, double maxRate = 0.05)
    {
        if (!(maxRate is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(maxRate), $"The rate {maxRate} must lie in 0..1.");
        (_path, _maxRate) = (path, maxRate);
    }

    /// <summary>Samples asked for so far.</summary>
    public long Seen { get; private set; }

    /// <summary>Samples skipped so far.</summary>
    public long Skipped { get; private set; }

    /// <summary>Counts <paramref name="seen"/> samples of which <paramref name="skips"/> were left out.</summary>
    /// <exception cref="TooManySkippedException">The rate in the window is above the limit.</exception>
    public void Record(int seen, IReadOnlyList<SkippedSample> skips)
    {
        ArgumentNullException.ThrowIfNull(skips);
        if (_windowSeen >= Window) (_windowSeen, _windowSkipped) = (0, 0);
        Seen += seen;
        Skipped += skips.Count;
        _windowSeen += seen;
        _windowSkipped += skips.Count;
        if (skips.Count == 0) return;
        Append(skips);
        if (_windowSkipped > _maxRate * Math.Max(_windowSeen, LeastSeen))
            throw new TooManySkippedException($"{_windowSkipped} of the last {_windowSeen} samples could not be used, above " +
                $"the limit of {_maxRate:P0}; the last was '{skips[^1].Id}' ({skips[^1].Reason})."
                    + (_path is null ? "" : $" All are listed in '{_path}'."));
    }

    private void Append(IReadOnlyList<SkippedSample> skips)
    {
        if (_path is null) return;
        var buffer = new ArrayBufferWriter<byte>();
        foreach (SkippedSample skip in skips)
        {
            using (var json = new Utf8JsonWriter(buffer))
            {
                json.WriteStartObject();
                json.WriteNumber("epoch", skip.Epoch);
                json.WriteNumber("batch", skip.Batch);
                json.WriteNumber("sample", skip.Sample);
                json.WriteString("id", skip.Id);
                json.WriteString("reason", skip.Reason);
                json.WriteEndObject();
            }

            buffer.Write("\n"u8);
        }

        using FileStream file = new(_path, FileMode.Append, FileAccess.Write, FileShare.Read);
        file.Write(buffer.WrittenSpan);
    }
}
