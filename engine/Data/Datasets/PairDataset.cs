using System;
using System.Collections.Generic;
using System.IO;

namespace FlorenceKernels.Data;

/// <summary>
/// A built image-text data set: a memory-mapped file of RGBA images and a manifest. Reading is safe from many threads; dispose it
/// only after the loaders that read it.
/// </summary>
public sealed class PairDataset : IDisposable
{
    private readonly PairImageFile _images;
    private readonly PairSample[] _samples;

    private PairDataset(string directory, PairImageFile images, PairSample[] samples, string[] keys) =>
        (Directory, _images, _samples, Keys) = (directory, images, samples, keys);

    /// <summary>The folder it was opened from.</summary>
    public string Directory { get; }

    /// <summary>All samples, in the order of the image file.</summary>
    public IReadOnlyList<PairSample> Samples => _samples;

    /// <summary>The distinct keys in ordinal order: <c>Keys[sample.Label] == sample.Key</c>.</summary>
    public IReadOnlyList<string> Keys { get; }

    /// <summary>Width of every image in pixels.</summary>
    public int Width => _images.Width;

    /// <summary>Height of every image in pixels.</summary>
    public int Height => _images.Height;

    /// <summary>
    /// Opens the cache in <paramref name="directory"/>, checking its header, sizes and manifest before anything is allocated
    /// for them.
    /// </summary>
    /// <exception cref="InvalidDataException">The cache is absent, incomplete or damaged.</exception>
    public static PairDataset Open(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        string images = Path.Combine(directory, PairImageFile.FileName);
        string manifest = Path.Combine(directory, PairManifest.FileName);
        foreach (string path in new[] { images, manifest })
        {
            if (!File.Exists(path))
                throw new InvalidDataException($"'{directory}' holds no data set ('{path}' is missing); build it first.");
        }

        var file = new PairImageFile(images);
        try
        {
            List<PairSample> samples = PairManifest.Read(manifest, file.Count);
            string[] keys = DistinctKeys(samples);
            return new PairDataset(directory, file, Labelled(samples, keys), keys);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The RGBA bytes of image <paramref name="index"/>, straight alpha, rows from the top; valid until the data set is
    /// disposed.
    /// </summary>
    public ReadOnlySpan<byte> Pixels(int index) => _images[index];

    /// <summary>
    /// Whether the pixels of image <paramref name="index"/> still have the checksum that was written with them.
    /// </summary>
    public bool IsIntact(int index) => PairImageFile.Checksum(_images[index]) == _samples[index].Checksum;

    /// <summary>
    /// Indices of the samples of <paramref name="split"/> for which <paramref name="keep"/> is true, ascending.
    /// </summary>
    public int[] Indices(PairSplit split, Func<PairSample, bool>? keep = null)
    {
        var found = new List<int>();
        foreach (PairSample sample in _samples)
        {
            if (sample.Split == split && (keep is null || keep(sample))) found.Add(sample.Index);
        }

        return found.ToArray();
    }

    /// <inheritdoc/>
    public void Dispose() => _images.Dispose();

    private static string[] DistinctKeys(List<PairSample> samples)
    {
        var set = new SortedSet<string>(StringComparer.Ordinal);
        foreach (PairSample sample in samples) set.Add(sample.Key);
        var keys = new string[set.Count];
        set.CopyTo(keys);
        return keys;
    }

    private static PairSample[] Labelled(List<PairSample> samples, string[] keys)
    {
        var labelled = new PairSample[samples.Count];
        for (int i = 0; i < labelled.Length; i++)
            labelled[i] = samples[i] with { Label = Array.BinarySearch(keys, samples[i].Key, StringComparer.Ordinal) };
        return labelled;
    }
}
