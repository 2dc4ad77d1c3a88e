using System;

namespace FlorenceKernels.Datasets;

/// <summary>A step of fetching or building, for a progress line.</summary>
public readonly record struct DatasetProgress(string Stage, int Done, int Total, string Item);

/// <summary>A data set could not be fetched or built; the message is one sentence for the user.</summary>
public sealed class DatasetException : Exception
{
    public DatasetException() { }
    public DatasetException(string message) : base(message) { }
    public DatasetException(string message, Exception inner) : base(message, inner) { }
}
