using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Checkpoints;

/// <summary>Named tensors to and from safetensors files.</summary>
public static class TensorFile
{
    /// <summary>Writes tensors atomically; non-contiguous and device tensors are copied first.</summary>
    public static void Save(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var list = tensors.ToArray();
        using var writer = SafeTensorsWriter.Create(path, list.Select(t => new SafeTensorsEntry(t.Key, Stored(t.Value.DType),
            [.. t.Value.Shape.Select(s => (long)s)])), metadata);
        foreach (var (name, tensor) in list) { Write(writer, name, tensor); }
        writer.Commit();
    }

    /// <summary>Reads all tensors of a file onto a device; checksums are verified when present.</summary>
    public static Dictionary<string, Tensor> Load(string path, Device? device = null)
    {
        using var file = SafeTensorsReader.Open(path);
        return file.Entries.ToDictionary(e => e.Name, e => Read(file, e, device ?? Device.Cpu), StringComparer.Ordinal);
    }

    private static void Write(SafeTensorsWriter writer, string name, Tensor tensor)
    {
        switch (tensor.DType)
        {
            case DType.F32: writer.Write<float>(name, tensor.ToArray<float>()); break;
            case DType.F64: writer.Write<double>(name, tensor.ToArray<double>()); break;
            case DType.I64: writer.Write<long>(name, tensor.ToArray<long>()); break;
            case DType.I32: writer.Write<int>(name, tensor.ToArray<int>()); break;
            case DType.U8: writer.Write(name, tensor.ToArray<byte>()); break;
            case DType.Bool: writer.Write(name, MemoryMarshal.AsBytes<bool>(tensor.ToArray<bool>())); break;
            case DType.BF16: writer.Write(name, MemoryMarshal.AsBytes<BFloat16>(tensor.ToArray<BFloat16>())); break;
            default: writer.Write(name, MemoryMarshal.AsBytes<Half>(tensor.ToArray<Half>())); break;
        }
    }

    private static Tensor Read(SafeTensorsReader file, SafeTensorsEntry entry, Device device)
    {
        Shape shape = entry.Shape.ToArray().Select(s => checked((int)s)).ToArray();
        var bytes = file.Bytes(entry.Name);
        return entry.DType switch
        {
            SafeTensorsDType.F32 => Tensor.From(MemoryMarshal.Cast<byte, float>(bytes), shape, device),
            SafeTensorsDType.F64 => Tensor.From(MemoryMarshal.Cast<byte, double>(bytes), shape, device),
            SafeTensorsDType.I64 => Tensor.From(MemoryMarshal.Cast<byte, long>(bytes), shape, device),
            SafeTensorsDType.I32 => Tensor.From(MemoryMarshal.Cast<byte, int>(bytes), shape, device),
            SafeTensorsDType.U8 => Tensor.From(bytes, shape, device),
            SafeTensorsDType.BOOL => Tensor.From(MemoryMarshal.Cast<byte, bool>(bytes), shape, device),
            SafeTensorsDType.BF16 => Tensor.From(MemoryMarshal.Cast<byte, BFloat16>(bytes), shape, device),
            SafeTensorsDType.F16 => Tensor.From(MemoryMarshal.Cast<byte, Half>(bytes), shape, device),
            var other => throw new CheckpointException(file.Path, $"'{entry.Name}' is {other}, which the engine does not store; convert it to F32 or I64."),
        };
    }

    private static SafeTensorsDType Stored(DType dtype) => dtype switch
    {
        DType.F32 => SafeTensorsDType.F32,
        DType.F64 => SafeTensorsDType.F64,
        DType.I64 => SafeTensorsDType.I64,
        DType.I32 => SafeTensorsDType.I32,
        DType.U8 => SafeTensorsDType.U8,
        DType.Bool => SafeTensorsDType.BOOL,
        DType.BF16 => SafeTensorsDType.BF16,
        _ => SafeTensorsDType.F16,
    };
}
