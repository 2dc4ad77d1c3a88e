using System;
using System.Runtime.InteropServices;

namespace FlorenceKernels.Runtime;

/// <summary>Hints to the operating system about large host buffers.</summary>
internal static partial class LinuxMemory
{
    private const int AdviseHugePage = 14;

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);

    /// <summary>Asks for 2 MiB pages: a 38 MB activation then faults 19 times instead of 9,400 times. A refusal costs nothing.</summary>
    public static void PreferHugePages(nint address, long bytes)
    {
        if (OperatingSystem.IsLinux()) { _ = Advise(address, (nuint)bytes, AdviseHugePage); }
    }
}
