using System.Diagnostics;

namespace FlorenceKernels.Training;

/// <summary>Pairs per second since the last look.</summary>
internal sealed class ThroughputMeter(int batchSize)
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private int _steps;

    public void Step() => _steps++;

    public double Restart()
    {
        var rate = _steps * batchSize / _watch.Elapsed.TotalSeconds;
        _steps = 0;
        _watch.Restart();
        return rate;
    }
}
