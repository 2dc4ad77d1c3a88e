using System;

namespace FlorenceKernels.Cli;

internal static class Program
{
    private static int Main(string[] args) =>
        FlorenceCommand.Run(args,
            new CallStreams(Console.Out, Console.Error, IsTerminal: !Console.IsOutputRedirected && !Console.IsErrorRedirected));
}
