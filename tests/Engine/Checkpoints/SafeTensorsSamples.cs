using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Text;
using FlorenceKernels.Checkpoints;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Files to test with: ours, and ones assembled byte by byte from the published format.</summary>
internal static class SafeTensorsSamples
{
    public static readonly Dictionary<string, string> Metadata = new()
    {
        ["step"] = "1200",
        ["note"] = "quote \" backslash \\ line\n π 🌸",
        [""] = "",
    };

    /// <summary>Every element type, ranks 0 to 8, odd sizes, empty tensors, names that JSON must escape.</summary>
    public static List<SafeTensorsEntry> Entries()
    {
        var entries = new List<SafeTensorsEntry>();
        foreach (SafeTensorsDType dtype in Enum.GetValues<SafeTensorsDType>())
        {
            entries.Add(new SafeTensorsEntry($"layers.{dtype}.weight", dtype, 3, 5));
            entries.Add(new SafeTensorsEntry($"{dtype} scalar", dtype));
            entries.Add(new SafeTensorsEntry($"empty.{dtype}", dtype, 4, 0, 7));
        }
        entries.Add(new SafeTensorsEntry("rank8", SafeTensorsDType.U8, 1, 2, 1, 3, 1, 1, 2, 1));
        entries.Add(new SafeTensorsEntry("naïve \"quoted\" \\ \t 🌸", SafeTensorsDType.F32, 7));
        entries.Add(new SafeTensorsEntry("", SafeTensorsDType.I16, 1));
        return entries;
    }

    public static byte[] Content(SafeTensorsEntry entry)
    {
        byte[] bytes = new byte[entry.ByteCount];
        uint state = Crc32C.Compute(Encoding.UTF8.GetBytes(entry.Name)) | 1;
        for (int i = 0; i < bytes.Length; i++)
        {
            state = state * 1664525 + 1013904223;
            bytes[i] = entry.DType == SafeTensorsDType.BOOL ? (byte)(state >> 31) : (byte)(state >> 24);
        }
        return bytes;
    }

    public static void Write(
        string path, IEnumerable<SafeTensorsEntry> entries, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var writer = SafeTensorsWriter.Create(path, entries, metadata);
        foreach (SafeTensorsEntry entry in entries) writer.Write(entry.Name, Content(entry));
        writer.Commit();
    }

    public static byte[] Assemble(string json, int dataBytes)
    {
        byte[] text = Encoding.UTF8.GetBytes(json), file = new byte[8 + text.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(file, text.Length);
        text.CopyTo(file, 8);
        return file;
    }

    /// <summary>The folder named by FLORENCE_GOLDEN, or shared/golden in a folder above; null when absent.</summary>
    public static string? GoldenFolder()
    {
        string? named = Environment.GetEnvironmentVariable("FLORENCE_GOLDEN");
        if (Directory.Exists(named)) return named;
        foreach (string start in new[] { AppContext.BaseDirectory, Directory.GetCurrentDirectory() })
            for (DirectoryInfo? folder = new(start); folder is not null; folder = folder.Parent)
            {
                string golden = Path.Combine(folder.FullName, "shared", "golden");
                if (Directory.Exists(golden)) return golden;
            }
        return null;
    }
}
