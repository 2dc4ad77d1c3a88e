using System;
using System.IO;

namespace FlorenceKernels.Training;

/// <summary>
/// A file that grows by whole records. What a full disk cut short is taken back, so that a record is there or it is not; each
/// later
/// record tries again. Every record goes to the system at once: a killed process loses none.
/// </summary>
internal sealed class AppendFile(string path, Func<string, Stream> open, Action<string, Exception> warn) : IDisposable
{
    private Stream? _stream;
    private long _length;
    private bool _isTorn;

    public static Stream OpenFile(string path) =>
        new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

    public bool Append(ReadOnlySpan<byte> record)
    {
        try
        {
            if (_stream is null)
            {
                _stream = open(path);
                _length = _stream.Length;
                _stream.Position = _length;
            }
            if (_isTorn) TakeBack(_stream);
            _isTorn = true;
            _stream.Write(record);
            _stream.Flush();
            (_length, _isTorn) = (_length + record.Length, false);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            warn(path, e);
            TryTakeBack();
            return false;
        }
    }

    /// <summary>Lets go of the file, which the next record opens again.</summary>
    public void Dispose()
    {
        try
        {
            _stream?.Dispose();
        }
        catch (IOException e)
        {
            warn(path, e);
        }
        _stream = null;
        _isTorn = false;
    }

    private void TakeBack(Stream stream)
    {
        stream.SetLength(_length);
        stream.Position = _length;
        _isTorn = false;
    }

    private void TryTakeBack()
    {
        if (!_isTorn || _stream is null) return;
        try
        {
            TakeBack(_stream);
        }
        catch (IOException)
        {
            // Still torn: the next record tries again before it writes.
        }
    }
}
