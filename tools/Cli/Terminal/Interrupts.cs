using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace FlorenceKernels.Cli;

/// <summary>Ctrl-C or SIGTERM: the first asks for a stop at the next safe point, the second ends the process at once.</summary>
internal sealed class Interrupts : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration _interrupt, _terminate;
    private readonly Screen _screen;

    public Interrupts(Screen screen)
    {
        _screen = screen;
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle);
    }

    public CancellationToken Token => _stop.Token;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _stop.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        if (_stop.IsCancellationRequested) { return; }
        context.Cancel = true;
        _screen.Note("stopping at the next safe point; once more stops now");
        _stop.Cancel();
    }
}
