using System;
using System.IO;

namespace FlorenceKernels.Checkpoints;

/// <summary>Refuses Python pickles by content: unpickling runs code from the file, so there is no pickle reader here, only the
/// way out.</summary>
internal static class ForeignCheckpoint
{
    /// <exception cref="CheckpointException">The file is a pickle; the message ends with two lines of Python that convert
    /// it.</exception>
    public static void Refuse(string file, ReadOnlySpan<byte> prefix)
    {
        // A safetensors file may start with any length byte, even a pickle's 0x80 0x02; its ninth byte settles it.
        if (prefix.Length > 8 && prefix[8] == (byte)'{' && prefix[..8].EndsWith((ReadOnlySpan<byte>)[0, 0, 0, 0])) return;
        if (!IsZip(prefix) && !IsPickle(prefix) && !HasPickleName(file)) return;
        string source = Python(Path.GetFileName(file)), target = Python(Path.GetFileNameWithoutExtension(file) + ".safetensors");
        throw new CheckpointException(file, "this is a PyTorch pickle, not a safetensors file, and pickles can run code when "
            + "they are read; convert it once in Python:\n"
            + "import torch; from safetensors.torch import save_file\n"
            + $"save_file({{k: v.contiguous() for k, v in torch.load({source}, map_location=\"cpu\", "
            + $"weights_only=True).items()}}, {target})");
    }

    // torch.save since 1.6 writes a zip archive around its pickle.
    private static bool IsZip(ReadOnlySpan<byte> prefix) => prefix.StartsWith("PK\u0003\u0004"u8);

    // Opcode PROTO with versions 2 to 5.
    private static bool IsPickle(ReadOnlySpan<byte> prefix) =>
        prefix.Length > 1 && prefix[0] == 0x80 && prefix[1] is >= 2 and <= 5;

    // Protocols 0 and 1 and tar archives have no signature; their usual names decide when the content is no safetensors file.
    private static bool HasPickleName(string file) =>
        Path.GetExtension(file).ToLowerInvariant() is ".pt" or ".pth" or ".bin" or ".ckpt";

    private static string Python(string text) =>
        $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
