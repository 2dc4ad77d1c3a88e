using FlorenceKernels.Runtime;

namespace FlorenceKernels.Cli;

/// <summary>One call of a verb: its settings and where it writes.</summary>
internal sealed record VerbCall(SettingsTree Settings, Screen Screen)
{
    /// <summary>Opens the device that was asked for.</summary>
    public Device OpenDevice() => Device.Open(Settings.Text("device"));
}
