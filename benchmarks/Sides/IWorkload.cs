using System;
using System.Collections.Generic;

namespace FlorenceKernels.Benchmarks;

/// <summary>One side of a row, ready to be run again and again.</summary>
internal interface IWorkload : IDisposable
{
    /// <summary>One measured execution; complete when it returns.</summary>
    void Run();

    /// <summary>What the side computes: result first, then gradients in input order.</summary>
    IReadOnlyList<float[]> Results();
}
