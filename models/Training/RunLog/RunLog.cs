using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using FlorenceKernels.Checkpoints;

namespace FlorenceKernels.Training;

/// <summary>
/// What a training run leaves to read: metrics.jsonl, metrics.csv, a TensorBoard event file, args.json and env.json. A full
/// disk is
/// reported once and costs records, never the run; a resumed run goes on where its checkpoint was. Calls may come from any
/// thread.
/// </summary>
public sealed class RunLog : IDisposable
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly object _gate = new();
    private readonly string _folder;
    private readonly TimeProvider _time;
    private readonly Action<string>? _onWarning;
    private readonly AppendFile _json;
    private readonly MetricsTable _table;
    private readonly TensorBoardWriter _events;

    private RunLog(string folder, long? resumeStep, Action<string>? onWarning, TimeProvider time, Func<string, Stream> open)
    {
        (_folder, _onWarning, _time) = (folder, onWarning, time);
        string jsonPath = Path.Combine(folder, "metrics.jsonl"), tablePath = Path.Combine(folder, "metrics.csv");
        if (resumeStep is long step) Rewind(jsonPath, tablePath, step);
        _json = new AppendFile(jsonPath, open, Warn);
        _table = new MetricsTable(tablePath, open, Warn);
        _events = new TensorBoardWriter(folder, resumeStep + 1, _time.GetUtcNow(), open, Warn);
    }

    /// <summary>Why records were lost, as first reported; null while none were.</summary>
    public string? Failure { get; private set; }

    /// <summary>Opens the log of a run, creating the folder if need be.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="resumeStep">Step of the checkpoint that the run goes on from: later lines are dropped. Null for a new
    /// run.</param>
    /// <param name="onWarning">Receives one sentence when a file cannot be written; called at most once.</param>
    /// <param name="time">Clock; the system's when null.</param>
    /// <exception cref="InvalidOperationException">A new run was asked for in a folder that holds one.</exception>
    public static RunLog Open(
        string folder, long? resumeStep = null, Action<string>? onWarning = null, TimeProvider? time = null) =>
        Open(folder, resumeStep, onWarning, time, AppendFile.OpenFile);

    internal static RunLog Open(
        string folder, long? resumeStep, Action<string>? onWarning, TimeProvider? time, Func<string, Stream> open)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (resumeStep is null && File.Exists(Path.Combine(folder, "metrics.jsonl")))
            throw new InvalidOperationException($"Folder '{folder}' already holds a run's metrics; resume it or choose another "
                + $"folder.");
        Directory.CreateDirectory(folder);
        return new RunLog(folder, resumeStep, onWarning, time ?? TimeProvider.System, open);
    }

    /// <summary>Logs numbers of one step: one line, one row, and one TensorBoard event.</summary>
    /// <param name="step">Training step.</param>
    /// <param name="values">Tags such as "train/loss" with their values; NaN and infinities are kept.</param>
    /// <exception cref="ArgumentException">A tag is empty, reserved ("step", "time"), given twice, or holds control
    /// characters.</exception>
    public void Scalars(long step, params ReadOnlySpan<(string Tag, double Value)> values)
    {
        RequireTags(values);
        lock (_gate)
        {
            DateTimeOffset now = _time.GetUtcNow();
            _json.Append(JsonLine(step, now, values));
            _table.Append(step, now, values);
            _events.Scalars(step, now, values);
        }
    }

    /// <summary>Logs one number.</summary>
    public void Scalar(long step, string tag, double value) => Scalars(step, (tag, value));

    /// <summary>Logs Markdown text to TensorBoard.</summary>
    public void Text(long step, string tag, string text)
    {
        RequireTags([(tag, 0)]);
        ArgumentNullException.ThrowIfNull(text);
        lock (_gate) _events.Text(step, _time.GetUtcNow(), tag, text);
    }

    /// <summary>Logs an encoded PNG image to TensorBoard.</summary>
    /// <exception cref="ArgumentException">The bytes are not a PNG file.</exception>
    public void Image(long step, string tag, ReadOnlySpan<byte> png)
    {
        RequireTags([(tag, 0)]);
        PngSize size = PngSize.Read(png);
        lock (_gate) _events.Image(step, _time.GetUtcNow(), tag, png, size);
    }

    /// <summary>Writes args.json: the run's settings as they were resolved.</summary>
    public void Arguments(JsonNode arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Replace("args.json", arguments);
    }

    /// <summary>Writes env.json: versions, operating system, processor, memory and device.</summary>
    /// <param name="device">Device string and name.</param>
    /// <param name="facts">Further facts, such as the number of ranks.</param>
    public void Environment(string device, IReadOnlyDictionary<string, string>? facts = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        Replace("env.json", RunEnvironment.Describe(device, facts, _time.GetUtcNow()));
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _json.Dispose();
            _table.Dispose();
            _events.Dispose();
        }
    }

    private void Rewind(string jsonPath, string tablePath, long step)
    {
        try
        {
            MetricsLines.KeepUpTo(jsonPath, step);
            MetricsTable.KeepUpTo(tablePath, step);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Warn(jsonPath, e);
        }
    }

    private void Replace(string name, JsonNode content)
    {
        string path = Path.Combine(_folder, name);
        lock (_gate)
        {
            try
            {
                AtomicFile.WriteText(path, content.ToJsonString(Indented) + "\n");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Warn(path, e);
            }
        }
    }

    private void Warn(string path, Exception cause)
    {
        if (Failure is not null) return;
        Failure = $"The run log '{path}' cannot be written ({cause.Message}); training goes on, and log records are lost until "
            + $"it can.";
        _onWarning?.Invoke(Failure);
    }

    private static ReadOnlySpan<byte> JsonLine(long step, DateTimeOffset time, ReadOnlySpan<(string Tag, double Value)> values)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("step", step);
            json.WriteString("time", time.UtcDateTime);
            foreach ((string tag, double value) in values)
            {
                // JSON has no NaN or infinity; .NET and pandas read these names back.
                if (double.IsFinite(value)) json.WriteNumber(tag, value);
                else json.WriteString(tag, value.ToString());
            }
            json.WriteEndObject();
        }
        buffer.Write("\n"u8);
        return buffer.WrittenSpan;
    }

    private static void RequireTags(ReadOnlySpan<(string Tag, double Value)> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            string tag = values[i].Tag;
            ArgumentException.ThrowIfNullOrEmpty(tag, nameof(values));
            if (tag is "step" or "time") throw new ArgumentException($"Tag '{tag}' is a column of its own.", nameof(values));
            foreach (Rune rune in tag.EnumerateRunes())
                if (Rune.IsControl(rune) || rune == Rune.ReplacementChar)
                    throw new ArgumentException($"Tag {i} holds a control character or half of a surrogate pair.",
                        nameof(values));
            for (int j = 0; j < i; j++)
                if (values[j].Tag == tag) throw new ArgumentException($"Tag '{tag}' is given twice.", nameof(values));
        }
    }
}
