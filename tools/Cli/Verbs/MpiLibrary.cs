using System;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;

namespace FlorenceKernels.Cli;

/// <summary>Looks for an MPI library without starting it; MPI_Get_library_version may be called before MPI_Init (MPI 4.0
/// §9.1.1).</summary>
internal static unsafe class MpiLibrary
{
    // MPI_MAX_LIBRARY_VERSION_STRING is 256 in Open MPI and 8192 in MPICH.
    private const int VersionBytes = 8192;

    private static readonly string[] Names = ["libmpi.so.40", "libmpi.so.12", "libmpi.so"];

    /// <summary>The library's name and version, or what to install.</summary>
    public static string Describe()
    {
        foreach (var name in Names)
        {
            if (!NativeLibrary.TryLoad(name, out var library)) { continue; }
            if (!NativeLibrary.TryGetExport(library, "MPI_Get_library_version", out var function))
            {
                return $"{name}, of unknown version";
            }
            var text = new byte[VersionBytes];
            var length = 0;
            fixed (byte* start = text) { _ = ((delegate* unmanaged[Cdecl]<byte*, int*, int>)function)(start, &length); }
            var version = Encoding.UTF8.GetString(text, 0, Math.Clamp(length, 0, text.Length)).TrimEnd('\0');
            return $"{name}: {version.Split('\n').First().Trim()}";
        }

        return "none; needed for more than one process (Debian: libopenmpi3 or mpich)";
    }
}
