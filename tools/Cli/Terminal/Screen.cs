using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace FlorenceKernels.Cli;

/// <summary>What a verb prints: lines and tables for people, or one JSON object on standard output with the rest on standard
/// error.</summary>
internal sealed class Screen(CallStreams streams, bool isJson)
{
    private const int PipedWidth = 160;

    private static readonly JsonSerializerOptions Indented =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly IAnsiConsole _console = Create(isJson ? streams.Error : streams.Output, streams.IsTerminal);

    /// <summary>Whether the result is wanted as JSON.</summary>
    public bool IsJson => isJson;

    /// <summary>Whether someone watches.</summary>
    public bool IsTerminal => streams.IsTerminal;

    private TextWriter People => isJson ? streams.Error : streams.Output;

    /// <summary>A line for people.</summary>
    public void Line(string text = "") => People.WriteLine(text);

    /// <summary>A line beside the result, on standard error.</summary>
    public void Note(string text) => streams.Error.WriteLine(text);

    /// <summary>The result for programs; nothing unless JSON was asked for.</summary>
    public void Result(JsonNode result)
    {
        if (isJson) { streams.Output.WriteLine(result.ToJsonString(Indented)); }
    }

    /// <summary>A table for people.</summary>
    public void Table(IReadOnlyList<string> headings, IEnumerable<string[]> rows)
    {
        var table = new Table().Border(streams.IsTerminal ? TableBorder.Rounded : TableBorder.Ascii);
        foreach (var heading in headings) { table.AddColumn(Markup.Escape(heading)); }
        foreach (var row in rows) { table.AddRow([.. row.Select(Markup.Escape)]); }
        _console.Write(table);
    }

    /// <summary>Runs work that reports its progress: a live bar on a terminal, a line every few seconds elsewhere.</summary>
    public T Progress<T>(string stage, Func<Action<StageProgress>, T> work)
    {
        if (!streams.IsTerminal)
        {
            var lines = new ProgressLines(stage, Line);
            return work(lines.Report);
        }

        return _console.Progress().AutoClear(false).Columns(new TaskDescriptionColumn { Alignment = Justify.Left },
            new ProgressBarColumn(), new PercentageColumn())
            .Start(context =>
            {
                var task = context.AddTask(Markup.Escape(stage));
                var result = work(p =>
                {
                    task.Value = 100 * p.Fraction;
                    task.Description = Markup.Escape($"{stage}  "
                        + $"{p.Text}{(p.Remaining is { } left ? $", {Duration.Text(left)} left" : "")}");
                });
                task.Value = 100;
                return result;
            });
    }

    private static IAnsiConsole Create(TextWriter writer, bool isTerminal)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = isTerminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!isTerminal) { console.Profile.Width = PipedWidth; }
        return console;
    }
}
