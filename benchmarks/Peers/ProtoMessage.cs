using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace FlorenceKernels.Benchmarks;

/// <summary>A protobuf message being written, field after field. A field is its number and kind as a varint, then its value; texts, bytes
/// and messages have their length before them (protobuf's encoding guide, "Message Structure").</summary>
internal sealed class ProtoMessage
{
    private const int Varint = 0, Bytes = 2, Fixed32 = 5;
    private readonly ArrayBufferWriter<byte> _written = new();

    public ProtoMessage Add(int field, long value)
    {
        Start(field, Varint);
        Number((ulong)value);
        return this;
    }

    public ProtoMessage Add(int field, float value)
    {
        Start(field, Fixed32);
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        _written.Write(bytes);
        return this;
    }

    public ProtoMessage Add(int field, string text) => Add(field, Encoding.UTF8.GetBytes(text));

    public ProtoMessage Add(int field, ProtoMessage message) => Add(field, message._written.WrittenSpan);

    public ProtoMessage Add(int field, ReadOnlySpan<byte> bytes)
    {
        Start(field, Bytes);
        Number((ulong)bytes.Length);
        _written.Write(bytes);
        return this;
    }

    public byte[] ToArray() => _written.WrittenSpan.ToArray();

    private void Start(int field, int kind) => Number((ulong)((field << 3) | kind));

    // Seven bits a byte, the lowest first; all but the last have the top bit.
    private void Number(ulong value)
    {
        for (; value > 0x7F; value >>= 7) { _written.Write([(byte)(value | 0x80)]); }
        _written.Write([(byte)value]);
    }
}
