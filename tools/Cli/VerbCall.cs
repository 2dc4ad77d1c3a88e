using FlorenceKernels.Runtime;

namespace FlorenceKernels.Cli;

/// <summary>One call of a verb: its settings, where it writes, and how it was written.</summary>
internal sealed record VerbCall(SettingsTree Settings, Screen Screen, string CommandLine)
{
    /// <summary>Opens the device that was asked for.</summary>
    public Device OpenDevice() => Device.Open(Settings.Text("device"));
}
