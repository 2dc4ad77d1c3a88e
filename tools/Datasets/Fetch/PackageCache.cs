using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;

namespace FlorenceKernels.Datasets;

/// <summary>A package that lies in the cache.</summary>
public sealed record FetchedPackage(SourcePackage Package, string Path, string Version, string Sha256, long Bytes);

/// <summary>
/// Gets packages through their clients into one folder. The archive's SHA-256 is recorded beside it when it arrives and compared
/// when it is used again; a package that is there is not asked for a second time.
/// </summary>
public sealed class PackageCache
{
    private readonly string _root;
    private readonly TimeSpan _limit;

    public PackageCache(string directory, TimeSpan? limitPerPackage = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        _root = Directory.CreateDirectory(directory).FullName;
        _limit = limitPerPackage ?? TimeSpan.FromMinutes(5);
    }

    /// <summary>
    /// Fetches <paramref name="packages"/>. A <see cref="RegistryClient.Apt"/> package that cannot be had is left out and said in
    /// <paramref name="missing"/>; the emoji packages are required.
    /// </summary>
    public IReadOnlyList<FetchedPackage> Fetch(
        IEnumerable<SourcePackage> packages, out IReadOnlyList<string> missing, Action<DatasetProgress>? progress = null,
        CancellationToken cancel = default)
    {
        SourcePackage[] wanted = packages.ToArray();
        var fetched = new List<FetchedPackage>();
        var left = new List<string>();
        for (int i = 0; i < wanted.Length; i++)
        {
            progress?.Invoke(new DatasetProgress("fetch", i, wanted.Length, wanted[i].Name));
            try
            {
                fetched.Add(Fetch(wanted[i], cancel));
            }
            catch (DatasetException error) when (wanted[i].Client == RegistryClient.Apt)
            {
                left.Add(error.Message);
            }
        }

        progress?.Invoke(new DatasetProgress("fetch", wanted.Length, wanted.Length, "done"));
        missing = left;
        return fetched;
    }

    /// <summary>Fetches one package, or takes it from the cache after comparing its checksum.</summary>
    public FetchedPackage Fetch(SourcePackage package, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(package);
        string archive = System.IO.Path.Combine(_root, package.FileStem
            + (package.Client == RegistryClient.Npm ? ".tgz" : ".deb"));
        string sum = archive + ".sha256";
        if (File.Exists(archive) && File.Exists(sum)) Verify(archive, sum);
        else Get(package, archive, sum, cancel);
        string sha256 = Recorded(sum);
        string version = package.Client == RegistryClient.Npm
            ? package.Version
            : ClientProcess.Run("dpkg-deb", ["-f", archive, "Version"], _root, _limit, cancel).Trim();
        string path = package.Client == RegistryClient.Npm ? archive : DebianTree.Unpack(archive, sha256, _limit, cancel);
        return new FetchedPackage(package, path, version, sha256, new FileInfo(archive).Length);
    }

    private void Get(SourcePackage package, string archive, string sum, CancellationToken cancel)
    {
        string working = Directory.CreateDirectory(System.IO.Path.Combine(_root, $".get-{Guid.NewGuid():N}")).FullName;
        try
        {
            try
            {
                Ask(package, working, cancel);
            }
            catch (DatasetException)
            {
                // Registries fail for a moment often enough that one more try spares most of the failures.
                cancel.WaitHandle.WaitOne(TimeSpan.FromSeconds(2));
                cancel.ThrowIfCancellationRequested();
                Ask(package, working, cancel);
            }

            string[] got = Directory.GetFiles(working, "*" + System.IO.Path.GetExtension(archive));
            if (got.Length != 1)
                throw new DatasetException($"'{package.Name}' was asked for and {got.Length} archives came; expected one.");
            WriteWhole(sum, Sha256(got[0]) + "  " + System.IO.Path.GetFileName(archive) + "\n");
            File.Move(got[0], archive, overwrite: true);
        }
        finally
        {
            Directory.Delete(working, recursive: true);
        }
    }

    private void Ask(SourcePackage package, string working, CancellationToken cancel)
    {
        if (package.Client == RegistryClient.Npm)
            ClientProcess.Run("npm", ["pack", $"{package.Name}@{package.Version}", "--ignore-scripts", "--loglevel=error"],
                working, _limit, cancel);
        else ClientProcess.Run("apt-get", ["download", package.Name], working, _limit, cancel);
    }

    private static void Verify(string archive, string sum)
    {
        string now = Sha256(archive);
        if (now != Recorded(sum))
            throw new DatasetException($"'{archive}' no longer has the checksum recorded when it was fetched; delete it and " +
                $"'{sum}' to fetch it again.");
    }

    private static string Recorded(string sum)
    {
        string text = File.ReadAllText(sum);
        if (text.Length < 64 || !text.AsSpan(0, 64).ToString().All(char.IsAsciiHexDigitLower))
            throw new DatasetException($"'{sum}' holds no SHA-256; delete it and the archive beside it to fetch it again.");
        return text[..64];
    }

    private static string Sha256(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static void WriteWhole(string path, string text)
    {
        string working = path + ".tmp";
        File.WriteAllText(working, text);
        File.Move(working, path, overwrite: true);
    }
}
