using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Reads TensorBoard event files with nothing of the writer's: a bitwise CRC-32C and a generic protobuf walk.</summary>
internal static class EventFileReader
{
    public static List<ProtoFields> Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        var events = new List<ProtoFields>();
        for (int at = 0; at < file.Length;)
        {
            int length = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at)));
            RequireChecksum(file.AsSpan(at, 8), file.AsSpan(at + 8));
            RequireChecksum(file.AsSpan(at + 12, length), file.AsSpan(at + 12 + length));
            events.Add(new ProtoFields(file.AsMemory(at + 12, length)));
            at += 16 + length;
        }
        return events;
    }

    private static void RequireChecksum(ReadOnlySpan<byte> data, ReadOnlySpan<byte> stored)
    {
        uint unrotated = BinaryPrimitives.ReadUInt32LittleEndian(stored) - 0xA282EAD8;
        uint crc = (unrotated >> 17) | (unrotated << 15);
        if (crc != BitwiseCrc32C(data)) throw new InvalidDataException("The checksum of a record is wrong.");
    }

    private static uint BitwiseCrc32C(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in data)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }
        return ~crc;
    }
}

/// <summary>Fields of one protobuf message by number; a field that repeats has several values.</summary>
internal sealed class ProtoFields
{
    private readonly List<(int Field, int Wire, ReadOnlyMemory<byte> Raw)> _fields = [];

    public ProtoFields(ReadOnlyMemory<byte> message)
    {
        while (!message.IsEmpty)
        {
            (ulong tag, message) = Varint(message);
            int wire = (int)(tag & 7), length;
            if (wire == 2)
            {
                (ulong count, message) = Varint(message);
                length = checked((int)count);
            }
            else
            {
                length = wire switch
                {
                    0 => message.Length - Varint(message).After.Length,
                    1 => 8,
                    5 => 4,
                    _ => throw new InvalidDataException($"Wire type {wire} is not known."),
                };
            }
            _fields.Add(((int)(tag >> 3), wire, message[..length]));
            message = message[length..];
        }
    }

    public bool Has(int field) => _fields.Any(f => f.Field == field);

    public int[] Numbers => [.. _fields.Select(f => f.Field)];

    public long Integer(int field) => (long)Varint(One(field, 0)).Value;

    public double Double(int field) => BinaryPrimitives.ReadDoubleLittleEndian(One(field, 1).Span);

    public float Float(int field) => BinaryPrimitives.ReadSingleLittleEndian(One(field, 5).Span);

    public string String(int field) => Encoding.UTF8.GetString(One(field, 2).Span);

    public byte[] Bytes(int field) => One(field, 2).ToArray();

    public ProtoFields Message(int field) => new(One(field, 2));

    public ProtoFields[] Messages(int field) => [.. _fields.Where(f => f.Field == field).Select(f => new ProtoFields(f.Raw))];

    private ReadOnlyMemory<byte> One(int field, int wire) => _fields.Single(f => f.Field == field && f.Wire == wire).Raw;

    private static (ulong Value, ReadOnlyMemory<byte> After) Varint(ReadOnlyMemory<byte> bytes)
    {
        ulong value = 0;
        for (int i = 0; ; i++)
        {
            value |= (ulong)(bytes.Span[i] & 0x7F) << (7 * i);
            if ((bytes.Span[i] & 0x80) == 0) return (value, bytes[(i + 1)..]);
        }
    }
}
