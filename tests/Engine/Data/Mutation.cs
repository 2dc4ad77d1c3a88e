using System;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Seeded damage to a file: flipped bits, overwritten, removed or repeated stretches, a cut end.</summary>
internal static class Mutation
{
    private static readonly byte[] _telling = [0, 1, 0x7f, 0x80, 0xff, (byte)'\n', (byte)' ', (byte)'<'];

    internal static byte[] Of(byte[] original, Random random, int within = int.MaxValue)
    {
        var bytes = (byte[])original.Clone();
        for (var n = random.Next(1, 5); n > 0 && bytes.Length > 1; n--)
        {
            var limit = Math.Min(bytes.Length, within);
            var at = random.Next(limit);
            var length = Math.Min(random.Next(1, 9), bytes.Length - at);
            switch (random.Next(6))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = _telling[random.Next(_telling.Length)]; break;
                case 2: random.NextBytes(bytes.AsSpan(at, length)); break;
                case 3: bytes = [.. bytes[..at], .. bytes[(at + length)..]]; break;
                case 4: bytes = [.. bytes[..(at + length)], .. bytes[at..]]; break;
                default: if (random.Next(8) == 0) bytes = bytes[..(at + 1)]; break;
            }
        }
        return bytes;
    }
}
