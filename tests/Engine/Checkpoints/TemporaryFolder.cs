using System;
using System.IO;

namespace FlorenceKernels.Tests.Engine;

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("florence-test-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public string[] Names() =>
        Array.ConvertAll(Directory.GetFileSystemEntries(Path), entry => System.IO.Path.GetFileName(entry)!);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
