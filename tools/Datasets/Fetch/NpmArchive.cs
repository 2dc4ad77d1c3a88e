using System;
using System.Collections.Generic;
using System.Formats.Tar;
using System.IO;
using System.IO.Compression;

namespace FlorenceKernels.Datasets;

/// <summary>Limits for a tar archive that may come from anyone.</summary>
internal sealed record TarLimits
{
    public int Entries { get; init; } = 100_000;
    public long EntryBytes { get; init; } = 64L << 20;
    public long TotalBytes { get; init; } = 1L << 30;
    public static readonly TarLimits Default = new();
}

/// <summary>
/// Streams a <c>.tgz</c> and hands back the wanted members in memory. Nothing is extracted: names are keys, and everything but a
/// regular file (links, devices, folders) is passed over, so that no archive can reach outside itself.
/// </summary>
internal static class NpmArchive
{
    public static Dictionary<string, byte[]> Read(string path, Func<string, bool> wanted, TarLimits? limits = null)
    {
        using FileStream file = File.OpenRead(path);
        using var gzip = new GZipStream(file, CompressionMode.Decompress);
        try
        {
            return Read(gzip, path, wanted, limits ?? TarLimits.Default);
        }
        catch (Exception error) when (error is InvalidDataException or FormatException or EndOfStreamException)
        {
            throw new DatasetException($"'{path}' is not a sound package archive ({error.Message}).", error);
        }
    }

    public static Dictionary<string, byte[]> Read(Stream tar, string path, Func<string, bool> wanted, TarLimits limits)
    {
        var members = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        using var reader = new TarReader(tar, leaveOpen: true);
        long total = 0;
        for (int entries = 0; reader.GetNextEntry() is { } entry; entries++)
        {
            if (entries >= limits.Entries)
                throw new DatasetException($"'{path}' has more than {limits.Entries} members; it is not read.");
            total = checked(total + Math.Max(0, entry.Length));
            if (total > limits.TotalBytes)
                throw new DatasetException($"'{path}' unpacks to more than {limits.TotalBytes} bytes; it is not read.");
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile)) continue;
            if (!wanted(entry.Name)) continue;
            if (entry.Length > limits.EntryBytes)
                throw new DatasetException($"'{entry.Name}' in '{path}' has {entry.Length} bytes, above the limit of " +
                    $"{limits.EntryBytes}.");
            var bytes = new byte[entry.Length];
            entry.DataStream?.ReadExactly(bytes);
            members[entry.Name] = bytes;
        }

        return members;
    }

    /// <summary>The member <paramref name="name"/>, or an error that names it.</summary>
    public static byte[] Member(this Dictionary<string, byte[]> members, string name, string path) =>
        members.TryGetValue(name, out byte[]? bytes) ? bytes
            : throw new DatasetException($"'{path}' has no '{name}'; its layout has changed.");
}
