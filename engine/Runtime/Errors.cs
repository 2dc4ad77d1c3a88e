using System;

namespace FlorenceKernels.Runtime;

/// <summary>Root of the errors that the engine raises for a caller's mistake; the message says what, where and what to do.</summary>
public class FlorenceException : Exception
{
    /// <summary>An error with a one-sentence message.</summary>
    public FlorenceException(string message, Exception? inner = null) : base(message, inner) { }
}

/// <summary>Sizes do not fit each other or the operation.</summary>
public sealed class ShapeException(string message) : FlorenceException(message);

/// <summary>An element type does not fit the operation.</summary>
public sealed class DTypeException(string message) : FlorenceException(message);

/// <summary>A device is missing, was refused, or tensors lie on different devices.</summary>
public sealed class DeviceException(string message, Exception? inner = null) : FlorenceException(message, inner);

/// <summary>A gradient was asked for where none is defined, or the graph is gone.</summary>
public sealed class AutogradException(string message) : FlorenceException(message);

/// <summary>The device has no memory left; the message lists what was asked, used and at peak.</summary>
public sealed class OutOfDeviceMemoryException(string message, Exception? inner = null) : FlorenceException(message, inner);
