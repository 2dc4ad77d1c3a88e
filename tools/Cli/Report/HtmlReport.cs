using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using FlorenceKernels.Data;
using FlorenceKernels.Datasets;

namespace FlorenceKernels.Cli;

/// <summary>report.html: one file with everything in it, pictures included, that opens without a network.</summary>
internal sealed class HtmlReport(FinishedRun run)
{
    private const string Style = """
        :root { --ink:#222b38; --quiet:#6b7686; --line:#e4e8ee; --ours:#2f6fd0; --good:#1f8a4c; --bad:#b3402e; }
        body { font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif; color:var(--ink); max-width:70rem;
        margin:0 auto; padding:2.5rem 1.5rem 5rem; background:#fff; }
        h1 { font-size:1.9rem; line-height:1.2; margin:0 0 .4rem; } h2 { font-size:1.25rem; margin:2.8rem 0 .8rem; }
        p.lead { font-size:1.1rem; margin:.2rem 0 1.2rem; } .quiet { color:var(--quiet); font-size:.9rem; }
        table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums; font-size:.94rem; }
        th { text-align:left; font-weight:600; color:var(--quiet); border-bottom:2px solid var(--line);
        padding:.4rem .6rem; }
        td { border-bottom:1px solid var(--line); padding:.4rem .6rem; vertical-align:top; }
        td.n, th.n { text-align:right; white-space:nowrap; }
        td.w, td.met, td.missed { white-space:nowrap; } td.ours { font-weight:700; }
        .met { color:var(--good); font-weight:600; } .missed { color:var(--bad); font-weight:600; }
        img { max-width:100%; height:auto; display:block; margin:.8rem 0; border:1px solid var(--line);
        border-radius:8px; }
        .pair { display:grid; grid-template-columns:1fr 1fr; gap:1rem; }
        @media (max-width:52rem) { .pair { grid-template-columns:1fr; } }
        pre { background:#f5f7fa; border:1px solid var(--line); border-radius:8px; padding:.8rem 1rem; overflow-x:auto;
        font-size:.88rem; }
        code { font-family:ui-monospace,Menlo,Consolas,monospace; } details { margin:.8rem 0; }
        summary { cursor:pointer; color:var(--ours); }
        """;

    private readonly StringBuilder _html = new();

    /// <summary>The whole page.</summary>
    public string Write()
    {
        _html.Append($"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
            + $"content=\"width=device-width,initial-scale=1\"><title>Florence run "
            + $"report</title><style>{Style}</style></head><body>");
        Summary();
        Scores();
        Pictures();
        List("What limits this run", Diagnosis.Of(run));
        Settings();
        Data();
        Environment();
        Reproduce();
        return _html.Append("</body></html>\n").ToString();
    }

    private void Summary()
    {
        var rows = run.Evaluation.Rows().ToArray();
        var (met, missed) = (rows.Count(r => r.IsMet == true), rows.Count(r => r.IsMet == false));
        var verdict = met + missed == 0 ? "There are no published targets for this data set."
            : missed == 0 ? $"All {met} targets were met." : $"{met} of {met + missed} targets were met; {missed} were missed: "
            + string.Join(", ", rows.Where(r => r.IsMet == false).Select(r => $"{r.Name} ({r.Value:P1}, target {r.Target:P0})"))
                + ".";
        _html.Append($"<h1>Florence: a two-tower model from {run.TrainImages:N0} image-text pairs</h1><p "
            + $"class=\"lead\">{Text(verdict)}</p>");
        _html.Append($"<p class=\"quiet\">{run.Result.Steps:N0} steps of {run.Plan.Options.BatchSize} pairs, "
            + $"{Duration.Text(run.Trained)} of training, {run.Model.ParameterCount:N0} parameters, a common space of "
            + $"{run.Model.Embedder.Width} numbers.</p>");
    }

    private void Scores()
    {
        _html.Append("<h2>Scores on what training never saw</h2>");
        Table(run.Evaluation.Rows());
        _html.Append("<p class=\"quiet\">The class names of the held-out artist are known from other artists' drawings: it is a "
            + "new hand, not a new class. "
            + "The non-learned bar takes the class of the training picture that looks most alike (colour cells and gradient "
                + "histograms); nothing in it is learned. "
            + $"Zero-shot classes are the mean of {PromptTemplates.DrawnArtShort.Templates.Length} prompts; an image is the mean of six "
                + "views: itself and its mirror image at 0.9, 1 and 1.1 of its size.</p>");
        if (run.Evaluation.Validation.Count == 0) { return; }
        _html.Append("<details><summary>Validation scores (settings may be chosen by these only)</summary>");
        Table(run.Evaluation.Validation);
        _html.Append("</details>");
    }

    private void Table(IEnumerable<ScoreRow> rows)
    {
        _html.Append("<table><tr><th>score</th><th>among</th><th class=\"n\">chance</th><th class=\"n\">non-learned bar</th><th "
            + "class=\"n\">ours</th><th class=\"n\">target</th><th></th></tr>");
        foreach (var r in rows)
        {
            _html.Append($"<tr><td>{Text(r.Name)}</td><td class=\"w\">{Text(r.Among)}</td><td class=\"n\">{r.Chance:P2}</td><td "
                + $"class=\"n\">{(r.Bar is { } bar ? $"{bar:P1}" : "–")}</td>");
            _html.Append($"<td class=\"n ours\">{r.Value:P1}</td><td "
                + $"class=\"n\">{(r.Target is { } target ? $"{target:P0}" : "–")}</td>");
            _html.Append($"<td class=\"{(r.IsMet == true ? "met" : "missed")}\">{r.Verdict}</td></tr>");
        }

        _html.Append("</table>");
    }

    private void Pictures()
    {
        _html.Append("<h2>Training</h2><div class=\"pair\">");
        Image("loss.png", "Training loss over steps");
        Image("learning-rate.png", "Learning rate over steps");
        _html.Append("</div><h2>Against the bars</h2>");
        Image("zeroshot.png", "Zero-shot scores");
        Image("retrieval.png", "Retrieval recalls");
        _html.Append("<h2>What it sees</h2>");
        Image("contact-zeroshot.png", "Held-out images with their five best names; the right one is green");
        Image("contact-retrieval.png", "Held-out captions with their five best images; the right one has a green frame");
    }

    private void Image(string file, string description) =>
        _html.Append($"<img alt=\"{Text(description)}\" "
            + $"src=\"data:image/png;base64,{Convert.ToBase64String(File.ReadAllBytes(Path.Combine(run.Plan.Output, file)))}\">");

    private void Settings()
    {
        _html.Append("<h2>Settings</h2>");
        Pairs(RunFolder.ReadObject(Path.Combine(run.Plan.Output, "options.json")));
        var model = File.ReadAllText(Path.Combine(run.Plan.Output, "model.json"));
        _html.Append($"<details><summary>Model</summary><pre><code>{Text(model)}</code></pre></details>");
    }

    private void Data()
    {
        _html.Append("<h2>Data</h2><table><tr><th>split</th><th class=\"n\">images</th><th class=\"n\">scored</th><th "
            + "class=\"n\">texts</th><th>sources</th></tr>");
        foreach (var split in run.Data.Dataset.Samples.GroupBy(s => s.Split).OrderBy(g => g.Key))
        {
            var sources = string.Join(", ",
                split.GroupBy(s => s.Source).OrderByDescending(s => s.Count()).Select(s => $"{s.Key} {s.Count()}"));
            _html.Append($"<tr><td>{split.Key.Name()}</td><td class=\"n\">{split.Count()}</td><td "
                + $"class=\"n\">{split.Count(s => s.Scored)}</td><td "
                + $"class=\"n\">{split.Select(s => s.Key).Distinct().Count()}</td><td>{Text(sources)}</td></tr>");
        }

        _html.Append("</table>");
        if (run.Data.Report is not { } report) { return; }
        foreach (var missing in report.Missing) { _html.Append($"<p class=\"quiet\">Left out: {Text(missing)}</p>"); }
        Attribution(report);
    }

    private void Attribution(BuildReport report)
    {
        if (report.Packages.Count == 0)
        {
            _html.Append("<p class=\"quiet\">Every picture was made by this program.</p>");
            return;
        }

        _html.Append("<h2>Attribution</h2><p>The pictures on this page are scaled drawings from these packages. Art under CC-BY "
            + "and CC-BY-SA needs this notice wherever it is shown; "
            + "share-alike art, and pictures made from it, stay under the same "
                + "licence.</p><table><tr><th>artwork</th><th>package</th><th>version</th><th>licence</th></tr>");
        foreach (var package in report.Packages.OrderBy(p => p.Source, StringComparer.Ordinal))
        {
            var artwork = SourcePackage.Emoji.Concat(SourcePackage.Collections).FirstOrDefault(p
                => p.Name == package.Name)?.Artwork ?? package.Source;
            _html.Append($"<tr><td>{Text(artwork)}</td><td><code>{Text(package.Name)}</code></td>");
            _html.Append($"<td>{Text(package.Version)}</td><td>{Text(package.Licence)}</td></tr>");
        }

        _html.Append("</table>");
    }

    private void Environment()
    {
        _html.Append("<h2>Environment</h2>");
        var environment = RunFolder.ReadObject(Path.Combine(run.Plan.Output, "env.json"));
        _ = environment.Remove("versions");
        _ = environment.Remove("machine");
        Pairs(environment);
    }

    private void Reproduce()
    {
        _html.Append($"<h2>How to reproduce</h2><p>Same seed, device kind and settings give the same bits. The first line "
            + $"repeats this call; the second trains by the settings recorded in <code>args.json</code> for exactly "
            + $"{run.Result.Steps} steps.</p>");
        _html.Append($"<pre><code>{Text(run.CommandLine)}\nflorence quickstart --config "
            + $"{Text(Path.Combine(run.Plan.Output, "args.json"))} --steps {run.Result.Steps} --out runs/again</code></pre>");
        _html.Append($"<pre><code>florence zeroshot --run {Text(run.Plan.Output)} --images FOLDER --classes \"cat,dog,fire "
            + $"engine\"\nflorence retrieve --run {Text(run.Plan.Output)} --query \"a red apple\" --data "
            + $"{Text(run.Plan.Data)}</code></pre>");
    }

    private void List(string title, IEnumerable<string> sentences)
    {
        _html.Append($"<h2>{Text(title)}</h2><ul>");
        foreach (var sentence in sentences) { _html.Append($"<li>{Text(sentence)}</li>"); }
        _html.Append("</ul>");
    }

    private void Pairs(JsonObject values)
    {
        _html.Append("<table>");
        foreach (var (key, value) in Flat(values, "")) { _html.Append($"<tr><td>{Text(key)}</td><td>{Text(value)}</td></tr>"); }
        _html.Append("</table>");
    }

    private static IEnumerable<(string Key, string Value)> Flat(JsonObject values, string prefix) =>
        values.SelectMany(v => v.Value is JsonObject inner
        ? Flat(inner, $"{prefix}{v.Key}.") : [(prefix + v.Key, v.Value?.ToString() ?? "–")]);

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
