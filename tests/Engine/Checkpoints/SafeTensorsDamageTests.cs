using System;
using System.Buffers.Binary;
using System.Diagnostics;
using System.IO;
using System.Text;
using FlorenceKernels.Checkpoints;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class SafeTensorsDamageTests
{
    private static readonly string[] Tokens =
    [
        "{", "}", "[", "]", ",", ":", "\"", "null", "-1", "1e400", "0", "9223372036854775807", "18446744073709551616",
        "\\ud800", "\\u0000",
        "\"dtype\"", "\"F64\"", "\"shape\"", "\"data_offsets\"", "\"__metadata__\"", "\"crc32c:\"", "[[[[[[[[", "\0", "\u00ff",
        "/*", "1.5",
    ];

    [Fact]
    public void Header_100000_mutations_only_refuse_or_read_within_bounds()
    {
        using var folder = new TemporaryFolder();
        SafeTensorsSamples.Write(folder["a"], SafeTensorsSamples.Entries(), SafeTensorsSamples.Metadata);
        byte[][] seeds =
        [
            File.ReadAllBytes(folder["a"]),
            SafeTensorsSamples.Assemble("{\"__metadata__\":{\"k\":\"v\"},"
                + "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                + "\"b\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[24,24]},"
                + "\"c\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[24,25]}}", 25),
        ];
        var random = new Random(20260501);
        var clock = Stopwatch.StartNew();
        int done = 0, accepted = 0;
        long largest = 0;
        for (; done < 100_000 && clock.Elapsed < TimeSpan.FromSeconds(40); done++)
        {
            byte[] file = Mutate(seeds[random.Next(4) == 0 ? 0 : 1], random);
            long before = GC.GetAllocatedBytesForCurrentThread();
            if (IsAccepted(file)) accepted++;
            largest = Math.Max(largest, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{done} mutations in {clock.Elapsed.TotalSeconds:f1} s, "
            + $"{accepted} still valid, largest allocation {largest} bytes");
        Assert.Equal(100_000, done);
        Assert.InRange(accepted, 1, done / 2);   // the mutator neither only breaks nor only spares
        Assert.InRange(largest, 1, 1 << 20);
    }

    [Fact]
    public void File_200_single_bit_flips_are_each_detected()
    {
        using var folder = new TemporaryFolder();
        SafeTensorsSamples.Write(folder["a"], SafeTensorsSamples.Entries(), SafeTensorsSamples.Metadata);
        byte[] good = File.ReadAllBytes(folder["a"]);
        int dataStart = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(good);
        var random = new Random(11);
        for (int i = 0; i < 200; i++)
        {
            // Half in the data, half anywhere: names, shapes and the checksums themselves count too.
            int position = i % 2 == 0 ? random.Next(dataStart, good.Length) : random.Next(good.Length);
            byte[] bad = (byte[])good.Clone();
            bad[position] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(folder["bad"], bad);
            Assert.Throws<CheckpointException>(() => SafeTensorsReader.Open(folder["bad"]));
        }
        File.WriteAllBytes(folder["bad"], good);
        SafeTensorsReader.Open(folder["bad"]).Dispose();
    }

    [Fact]
    public void File_every_single_bit_flip_of_the_header_is_detected()
    {
        using var folder = new TemporaryFolder();
        SafeTensorsSamples.Write(folder["a"], [new("w", SafeTensorsDType.F32, 3, 4), new("m", SafeTensorsDType.BOOL, 5)],
            SafeTensorsSamples.Metadata);
        byte[] good = File.ReadAllBytes(folder["a"]);
        int dataStart = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(good);
        for (int bit = 0; bit < 8 * dataStart; bit++)
        {
            byte[] bad = (byte[])good.Clone();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            // The case of a hexadecimal digit in an escape is the one kind of bit that means nothing.
            bool isEscapeCase = bit % 8 == 5 && bit > 8 * 16 && char.IsAsciiHexDigit((char)good[bit / 8])
                && IsInEscape(good, bit / 8);
            Assert.True(isEscapeCase || !IsIntact(bad), $"bit {bit % 8} of byte {bit / 8}");
        }
        Assert.True(IsIntact(good));
    }

    [Fact]
    public void File_200_truncations_are_each_detected()
    {
        using var folder = new TemporaryFolder();
        SafeTensorsSamples.Write(folder["a"], SafeTensorsSamples.Entries());
        byte[] good = File.ReadAllBytes(folder["a"]);
        var random = new Random(12);
        for (int i = 0; i < 200; i++)
        {
            int length = i < 20 ? i : i < 40 ? good.Length - (i - 19) : random.Next(good.Length);
            File.WriteAllBytes(folder["bad"], good.AsSpan(0, length).ToArray());
            Assert.Throws<CheckpointException>(() => SafeTensorsReader.Open(folder["bad"]));
        }
    }

    private static bool IsInEscape(byte[] file, int position) =>
        Encoding.Latin1.GetString(file, position - 5, 5).LastIndexOf("\\u", StringComparison.Ordinal) >= 0;

    private static bool IsAccepted(byte[] file)
    {
        try
        {
            SafeTensorsHeader header = SafeTensorsHeader.Read("mutant", file, file.Length);
            foreach (SafeTensorsEntry entry in header.Entries)
                Assert.InRange(header.DataStart + entry.Begin + entry.ByteCount, 8, file.Length);
            return true;
        }
        catch (CheckpointException)
        {
            return false;
        }
    }

    private static bool IsIntact(byte[] file)
    {
        try
        {
            SafeTensorsHeader header = SafeTensorsHeader.Read("flipped", file, file.Length);
            if (!header.HasChecksums) return false;
            foreach (SafeTensorsEntry entry in header.Entries)
            {
                Span<byte> data = file.AsSpan((int)(header.DataStart + entry.Begin), (int)entry.ByteCount);
                if (Crc32C.Compute(data) != entry.Checksum) return false;
            }
            return true;
        }
        catch (CheckpointException)
        {
            return false;
        }
    }

    private static byte[] Mutate(byte[] seed, Random random)
    {
        int end = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(seed);
        byte[] header = seed[8..end];
        for (int edits = random.Next(1, 4); edits > 0; edits--) header = Edit(header, random);
        byte[] file = [.. seed[..8], .. header, .. seed[end..]];
        // Mostly with a right length, so that the parser and not the length check is what meets the damage.
        if (random.Next(8) > 0) BinaryPrimitives.WriteInt64LittleEndian(file, header.Length);
        else if (random.Next(4) == 0) file[random.Next(8)] = (byte)random.Next(256);
        return random.Next(20) == 0 ? file[..random.Next(file.Length)] : file;
    }

    private static byte[] Edit(byte[] header, Random random)
    {
        int from = random.Next(header.Length), to = Math.Min(header.Length, from + random.Next(1, 12));
        switch (random.Next(7))
        {
            case 0:
                header[from] ^= (byte)(1 << random.Next(8));
                return header;
            case 1:
                header[from] = (byte)random.Next(256);
                return header;
            case 2:
                return [.. header[..from], .. header[to..], (byte)' '];
            case 3:
                return [.. header[..to], .. header[from..to], .. header[to..]];
            case 4:
                return [.. header[..from], .. Encoding.Latin1.GetBytes(Tokens[random.Next(Tokens.Length)]), .. header[from..]];
            case 5:
                while (from < header.Length - 1 && !char.IsAsciiDigit((char)header[from])) from++;
                return [.. header[..from], .. Encoding.ASCII.GetBytes($"{random.NextInt64() >> random.Next(63)}"),
                    .. header[(from + 1)..]];
            default:
                int other = random.Next(header.Length);
                (header[from], header[other]) = (header[other], header[from]);
                return header;
        }
    }
}
