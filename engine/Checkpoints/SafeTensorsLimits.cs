namespace FlorenceKernels.Checkpoints;

/// <summary>Limits checked before anything is allocated; the first is the format's own, the others are ours.</summary>
internal static class SafeTensorsLimits
{
    public const int HeaderBytes = 100_000_000;
    public const int NameBytes = 1024;
    public const int Tensors = 1_000_000;
    public const int Rank = 8;

    /// <summary>Data starts at a multiple of this (the header is padded with spaces), so a mapped file is aligned like our
    /// buffers.</summary>
    public const int DataAlignment = 64;
    public const string MetadataKey = "__metadata__";

    /// <summary>Metadata key of the checksum over names, types, shapes and metadata.</summary>
    public const string HeaderChecksumKey = "crc32c";

    /// <summary>Prefix of the metadata key that holds one tensor's checksum.</summary>
    public const string TensorChecksumPrefix = "crc32c:";
}
