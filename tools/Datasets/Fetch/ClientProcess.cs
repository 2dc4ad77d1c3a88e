using System;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace FlorenceKernels.Datasets;

/// <summary>Runs a registry client with a time limit and turns every way it can fail into one sentence.</summary>
internal static class ClientProcess
{
    private const int MaxOutputChars = 64 * 1024;

    public static string Run(string program, string[] arguments, string directory, TimeSpan limit, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        using Process process = Start(start, program);
        process.StandardInput.Close();
        Task<string> output = Head(process.StandardOutput);
        Task<string> errors = Head(process.StandardError);
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timer.CancelAfter(limit);
        try
        {
            Task.WhenAll(output, errors, process.WaitForExitAsync(timer.Token)).WaitAsync(timer.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            cancel.ThrowIfCancellationRequested();
            throw new DatasetException($"'{Line(program, arguments)}' did not end within {limit.TotalSeconds:0} s and was " +
                "stopped; check the connection to its registry.");
        }

        if (process.ExitCode != 0)
            throw new DatasetException($"'{Line(program, arguments)}' failed with exit code {process.ExitCode}: " +
                $"{Cause(errors.Result)}.");
        return output.Result;
    }

    private static Process Start(ProcessStartInfo start, string program)
    {
        try
        {
            return Process.Start(start) ?? throw new DatasetException($"'{program}' could not be started.");
        }
        catch (Win32Exception error)
        {
            throw new DatasetException($"The client '{program}' is not on the PATH; install it, or fetch the packages on " +
                "another machine and copy the cache.", error);
        }
    }

    private static string Line(string program, string[] arguments) => program + " " + string.Join(' ', arguments);

    private static string Cause(string errors)
    {
        string[] lines = errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string? telling = lines.FirstOrDefault(l => l.StartsWith("E:", StringComparison.Ordinal)
            || (l.StartsWith("npm error", StringComparison.Ordinal)
                && !l.StartsWith("npm error code", StringComparison.Ordinal)));
        return (telling ?? lines.LastOrDefault() ?? "it said nothing").TrimEnd('.');
    }

    /// <summary>
    /// Keeps the beginning and reads on to the end, so that a talkative client neither blocks nor fills memory.
    /// </summary>
    private static async Task<string> Head(StreamReader reader)
    {
        var kept = new System.Text.StringBuilder();
        var buffer = new char[4096];
        int read;
        while ((read = await reader.ReadAsync(buffer).ConfigureAwait(false)) > 0)
            kept.Append(buffer, 0, Math.Min(read, MaxOutputChars - kept.Length));
        return kept.ToString();
    }
}
