using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using FlorenceKernels.Checkpoints;

namespace FlorenceKernels.Training;

/// <summary>metrics.csv: step, time, then one column per tag in order of appearance. A new tag rewrites the file with a wider
/// header.</summary>
internal sealed class MetricsTable : IDisposable
{
    private readonly string _path;
    private readonly Action<string, Exception> _warn;
    private readonly AppendFile _file;
    private readonly Dictionary<string, int> _columns = new(StringComparer.Ordinal);

    public MetricsTable(string path, Func<string, Stream> open, Action<string, Exception> warn)
    {
        (_path, _warn) = (path, warn);
        _file = new AppendFile(path, open, warn);
        if (!File.Exists(path) || MetricsLines.Lines(path).FirstOrDefault() is not (string header, true)) return;
        foreach (string name in Fields(header).Skip(2)) _columns.TryAdd(name, _columns.Count);
    }

    /// <summary>Drops the rows after <paramref name="step"/> and a row that a killed process left unfinished.</summary>
    public static void KeepUpTo(string path, long step)
    {
        int columns = 0;
        MetricsLines.Keep(path, line =>
        {
            if (columns != 0) return Fields(line) is [string first, ..] fields && fields.Count == columns
                && long.TryParse(first, out long at) && at <= step;
            columns = Fields(line).Count;
            return true;
        });
    }

    public void Append(long step, DateTimeOffset time, ReadOnlySpan<(string Tag, double Value)> values)
    {
        Widen(values);
        string[] row = new string[_columns.Count];
        foreach ((string tag, double value) in values)
            if (_columns.TryGetValue(tag, out int column)) row[column] = value.ToString("R");
        string start = $"{step},{time.UtcDateTime:O}";
        _file.Append(Encoding.UTF8.GetBytes(row.Length == 0 ? start + "\n" : $"{start},{string.Join(',', row)}\n"));
    }

    public void Dispose() => _file.Dispose();

    private void Widen(ReadOnlySpan<(string Tag, double Value)> values)
    {
        var added = new List<string>();
        foreach ((string tag, _) in values)
            if (!_columns.ContainsKey(tag)) added.Add(tag);
        bool isNew = !File.Exists(_path) || new FileInfo(_path).Length == 0;
        if (added.Count == 0 && !isNew) return;
        try
        {
            _file.Dispose();
            AtomicFile.WriteText(_path, Widened(isNew ? [] : [.. MetricsLines.Lines(_path)], added));
            foreach (string tag in added) _columns.Add(tag, _columns.Count);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _warn(_path, e);   // the old table stands; the new columns are tried again with the next row
        }
    }

    private string Widened(List<(string Line, bool IsFinished)> lines, List<string> added)
    {
        var text = new StringBuilder("step,time");
        foreach (string tag in _columns.OrderBy(column => column.Value).Select(column => column.Key).Concat(added))
            text.Append(',').Append(Quoted(tag));
        text.Append('\n');
        foreach ((string line, bool isFinished) in lines.Skip(1))
            if (isFinished) text.Append(line).Append(',', added.Count).Append('\n');
        return text.ToString();
    }

    // RFC 4180: quote a field that holds a comma or a quote, and double the quotes. Tags hold no line ends.
    private static string Quoted(string field) =>
        field.AsSpan().ContainsAny(',', '"') ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : field;

    private static List<string> Fields(string line)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        bool isQuoted = false;
        for (int i = 0; i < line.Length; i++)
        {
            if (line[i] == '"' && isQuoted && i + 1 < line.Length && line[i + 1] == '"') field.Append(line[i++]);
            else if (line[i] == '"') isQuoted = !isQuoted;
            else if (line[i] != ',' || isQuoted) field.Append(line[i]);
            else
            {
                fields.Add(field.ToString());
                field.Clear();
            }
        }
        fields.Add(field.ToString());
        return fields;
    }
}
