using System;

namespace FlorenceKernels.Tensors;

/// <summary>Switches recording off on this thread: <c>using (GradMode.NoGrad()) { … }</c>.</summary>
public static class GradMode
{
    [ThreadStatic] private static int s_off;

    /// <summary>True when ops record themselves for backward.</summary>
    public static bool IsEnabled => s_off == 0;

    /// <summary>No recording until the result is disposed; nests.</summary>
    public static IDisposable NoGrad() => new Off();

    private sealed class Off : IDisposable
    {
        private bool _ended;

        public Off() => s_off++;

        public void Dispose()
        {
            if (!_ended) { s_off--; }
            _ended = true;
        }
    }
}
