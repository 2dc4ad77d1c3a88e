using System;
using BenchmarkDotNet.Running;

namespace FlorenceKernels.Benchmarks;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        switch (arguments)
        {
            case ["ratios", .. var rest]:
                return RatioCommand.Run(rest);
            case ["side", var side, var device]:
                return SideProgram.Run(side, device);
            case []:
                Console.Error.WriteLine("usage: benchmarks -- ratios [--only PATTERN] [--json] [--device D]   or   -- --filter '*LayerNorm*' (kernels)");
                return 2;
            default:
                BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(arguments);
                return 0;
        }
    }
}
