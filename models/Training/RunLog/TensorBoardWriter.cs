using System;
using System.Buffers.Binary;
using System.IO;
using FlorenceKernels.Checkpoints;

namespace FlorenceKernels.Training;

/// <summary>
/// A TensorBoard event file: TFRecord framing (length, masked CRC-32C of the length, data, masked CRC-32C of the data) round
/// Event
/// messages. Field numbers are those of TensorFlow's event.proto, summary.proto and tensor.proto.
/// </summary>
internal sealed class TensorBoardWriter : IDisposable
{
    private const int EventWallTime = 1, EventStep = 2, EventFileVersion = 3, EventSummary = 5, EventSessionLog = 7;
    private const int SummaryValue = 1, ValueTag = 1, ValueSimple = 2, ValueImage = 4, ValueTensor = 8, ValueMetadata = 9;
    private const int ImageHeight = 1, ImageWidth = 2, ImageColorspace = 3, ImageEncoded = 4;
    private const int MetadataPlugin = 1, PluginName = 1, TensorDType = 1, TensorShape = 2, TensorString = 8, ShapeDim = 2,
        DimSize = 1;
    private const int SessionStatus = 1, SessionStart = 1, DTypeString = 7;
    private readonly AppendFile _file;

    /// <summary>Starts a new file; a resumed run's first event tells TensorBoard to forget what older files hold from that
    /// step on.</summary>
    public TensorBoardWriter(
        string folder, long? purgeStep, DateTimeOffset now, Func<string, Stream> open, Action<string, Exception> warn)
    {
        _file = new AppendFile(NewName(folder, now), open, warn);
        Append(Event(purgeStep ?? 0, now).String(EventFileVersion, "brain.Event:2"));
        if (purgeStep is long step)
            Append(Event(step, now).Message(EventSessionLog, new ProtoWriter().Integer(SessionStatus, SessionStart)));
    }

    public void Scalars(long step, DateTimeOffset time, ReadOnlySpan<(string Tag, double Value)> values)
    {
        var summary = new ProtoWriter();
        foreach ((string tag, double value) in values)
            summary.Message(SummaryValue, new ProtoWriter().String(ValueTag, tag).Float(ValueSimple, (float)value));
        Append(Event(step, time).Message(EventSummary, summary));
    }

    public void Text(long step, DateTimeOffset time, string tag, string text)
    {
        ProtoWriter plugin = new ProtoWriter().String(PluginName, "text");
        ProtoWriter shape = new ProtoWriter().Message(ShapeDim, new ProtoWriter().Integer(DimSize, 1));
        ProtoWriter tensor = new ProtoWriter().Integer(TensorDType, DTypeString).Message(TensorShape,
            shape).String(TensorString, text);
        Append(step, time, new ProtoWriter().String(ValueTag, tag).Message(ValueTensor, tensor)
            .Message(ValueMetadata, new ProtoWriter().Message(MetadataPlugin, plugin)));
    }

    public void Image(long step, DateTimeOffset time, string tag, ReadOnlySpan<byte> png, PngSize size)
    {
        ProtoWriter image = new ProtoWriter().Integer(ImageHeight, size.Height).Integer(ImageWidth, size.Width)
            .Integer(ImageColorspace, size.Channels).Bytes(ImageEncoded, png);
        Append(step, time, new ProtoWriter().String(ValueTag, tag).Message(ValueImage, image));
    }

    public void Dispose() => _file.Dispose();

    private static ProtoWriter Event(long step, DateTimeOffset time) =>
        new ProtoWriter().Double(EventWallTime, (time - DateTimeOffset.UnixEpoch).TotalSeconds).Integer(EventStep, step);

    private void Append(long step, DateTimeOffset time, ProtoWriter value) =>
        Append(Event(step, time).Message(EventSummary, new ProtoWriter().Message(SummaryValue, value)));

    private void Append(ProtoWriter message)
    {
        ReadOnlySpan<byte> data = message.Written;
        byte[] record = new byte[8 + 4 + data.Length + 4];
        BinaryPrimitives.WriteInt64LittleEndian(record, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Masked(record.AsSpan(0, 8)));
        data.CopyTo(record.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + data.Length), Masked(data));
        _file.Append(record);
    }

    // TFRecord rotates and offsets the checksum, because a checksum over data that holds checksums is weak.
    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        uint crc = Crc32C.Compute(bytes);
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    }

    // TensorBoard takes the files of a folder in the order of their names.
    private static string NewName(string folder, DateTimeOffset now)
    {
        for (int i = 0; ; i++)
        {
            string owner = $"{Environment.MachineName}.{Environment.ProcessId}.{i}";
            string path = Path.Combine(folder, $"events.out.tfevents.{now.ToUnixTimeSeconds():d10}.{owner}");
            if (!File.Exists(path)) return path;
        }
    }
}
