using System;

namespace FlorenceKernels.Cli;

/// <summary>The call cannot be carried out as it was written; the message is one sentence that says what to do.</summary>
internal sealed class UsageException : Exception
{
    public UsageException(string message) : base(message) { }

    public UsageException(string message, Exception inner) : base(message, inner) { }
}
