using System;

namespace FlorenceKernels.Data;

/// <summary>Why a picture could not be decoded.</summary>
public enum ImageDecodeFailure
{
    /// <summary>The bytes are no PNG, JPEG or WebP picture.</summary>
    UnknownFormat,

    /// <summary>The file is larger than allowed.</summary>
    TooManyBytes,

    /// <summary>The header promises more pixels than allowed.</summary>
    TooManyPixels,

    /// <summary>The picture is cut off or damaged.</summary>
    Damaged,
}

/// <summary>A picture cannot be decoded; the message is one sentence that says why.</summary>
public sealed class ImageDecodeException : Exception
{
    /// <summary>Makes the exception.</summary>
    public ImageDecodeException()
    {
    }

    /// <summary>Makes the exception with a reason.</summary>
    public ImageDecodeException(string message) : base(message)
    {
    }

    /// <summary>Makes the exception with a reason and its cause.</summary>
    public ImageDecodeException(string message, Exception innerException) : base(message, innerException)
    {
    }

    /// <summary>Makes the exception with a kind of failure and a reason.</summary>
    public ImageDecodeException(ImageDecodeFailure failure, string message) : base(message) => Failure = failure;

    /// <summary>Kind of failure, for counting.</summary>
    public ImageDecodeFailure Failure { get; } = ImageDecodeFailure.Damaged;
}
