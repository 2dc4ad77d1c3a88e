using System.IO;

namespace FlorenceKernels.Cli;

/// <summary>Where a call writes. A terminal gets live progress; anything else gets whole lines.</summary>
internal sealed record CallStreams(TextWriter Output, TextWriter Error, bool IsTerminal);
