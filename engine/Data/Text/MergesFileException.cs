using System;

namespace FlorenceKernels.Data;

/// <summary>A merges file cannot be used; the message says in one sentence what is wrong and where.</summary>
public sealed class MergesFileException : FormatException
{
    /// <summary>Makes the exception.</summary>
    public MergesFileException()
    {
    }

    /// <summary>Makes the exception with a reason.</summary>
    public MergesFileException(string message) : base(message)
    {
    }

    /// <summary>Makes the exception with a reason and its cause.</summary>
    public MergesFileException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
