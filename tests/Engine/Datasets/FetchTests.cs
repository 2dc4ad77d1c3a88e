using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Formats.Tar;
using System.IO;
using System.Security.Cryptography;
using System.Text;
using System.Threading;
using FlorenceKernels.Datasets;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class FetchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fetch").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_package_in_the_cache_is_used_without_asking_the_client()
    {
        string archive = Put("made-package-9.9.9.tgz", "not on any registry");
        var cache = new PackageCache(_folder);
        FetchedPackage got = cache.Fetch(Made);
        Assert.Equal((archive, "9.9.9", 19L), (got.Path, got.Version, got.Bytes));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData("not on any registry"u8)), got.Sha256);
    }

    [Fact]
    public void A_package_that_changed_in_the_cache_is_refused()
    {
        string archive = Put("made-package-9.9.9.tgz", "original");
        File.WriteAllText(archive, "tampered");
        var error = Assert.Throws<DatasetException>(() => new PackageCache(_folder).Fetch(Made));
        Assert.Contains("no longer has the checksum", error.Message);
    }

    [Fact]
    public void A_collection_that_cannot_be_had_is_left_out_and_said()
    {
        // Refused from the machine's own package lists, or by the absence of the client: either way without a connection.
        var none = new SourcePackage(RegistryClient.Apt, "florence-no-such-package", "1", "none", "none", "none");
        Put("made-package-9.9.9.tgz", "here");
        IReadOnlyList<FetchedPackage> got = new PackageCache(_folder).Fetch([none, Made], out IReadOnlyList<string> missing,
            cancel: TestContext.Current.CancellationToken);
        Assert.Equal("@made/package", Assert.Single(got).Package.Name);
        Assert.Contains("apt-get", Assert.Single(missing));
    }

    [Fact]
    public void A_missing_client_is_named()
    {
        var error = Assert.Throws<DatasetException>(() => Run("florence-no-such-client", []));
        Assert.Contains("'florence-no-such-client' is not on the PATH", error.Message);
    }

    [Fact]
    public void A_refusing_client_is_quoted()
    {
        var error = Assert.Throws<DatasetException>(() => Run("sh", ["-c", "echo noise >&2; echo 'E: no such package' >&2; " +
            "exit 7"]));
        Assert.Contains("exit code 7: E: no such package.", error.Message);
    }

    [Fact]
    public void A_hanging_client_is_stopped_at_the_limit()
    {
        var watch = Stopwatch.StartNew();
        var error = Assert.Throws<DatasetException>(() => ClientProcess.Run("sh", ["-c", "sleep 60 & sleep 60"], _folder,
            TimeSpan.FromSeconds(0.5), CancellationToken.None));
        Assert.Contains("did not end within", error.Message);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"stopped after {watch.Elapsed}");
    }

    [Fact]
    public void A_client_that_says_a_lot_neither_blocks_nor_fills_memory() =>
        Assert.Equal(64 * 1024, Run("sh", ["-c", "yes | head -c 3000000"]).Length);

    [Fact]
    public void Tar_gives_wanted_regular_files_only()
    {
        Dictionary<string, byte[]> members = Read(name => name != "unwanted");
        Assert.Equal(["package/a.json"], members.Keys);
        Assert.Equal("{}", Encoding.UTF8.GetString(members["package/a.json"]));
    }

    [Theory]
    [InlineData(2, 1000, 10000, "more than 2 members")]
    [InlineData(100, 1, 10000, "above the limit of 1")]
    [InlineData(100, 1000, 5, "unpacks to more than 5")]
    public void Tar_above_a_limit_is_refused(int entries, long entryBytes, long totalBytes, string says)
    {
        var limits = new TarLimits { Entries = entries, EntryBytes = entryBytes, TotalBytes = totalBytes };
        var error = Assert.Throws<DatasetException>(() => Read(_ => true, limits));
        Assert.Contains(says, error.Message);
    }

    [Fact]
    public void An_archive_cut_short_is_refused()
    {
        string path = Path.Combine(_folder, "cut.tgz");
        File.WriteAllBytes(path, [0x1f, 0x8b, 8, 0, 1, 2, 3]);
        Assert.Throws<DatasetException>(() => NpmArchive.Read(path, _ => true));
    }

    private static SourcePackage Made => new(RegistryClient.Npm, "@made/package", "9.9.9", "made", "made", "MIT");

    private string Run(string program, string[] arguments) =>
        ClientProcess.Run(program, arguments, _folder, TimeSpan.FromSeconds(30), CancellationToken.None);

    private string Put(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        File.WriteAllText(path + ".sha256", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))) + "  " + name
            + "\n");
        return path;
    }

    private static Dictionary<string, byte[]> Read(Func<string, bool> wanted, TarLimits? limits = null)
    {
        var buffer = new MemoryStream();
        using (var tar = new TarWriter(buffer, leaveOpen: true))
        {
            tar.WriteEntry(new UstarTarEntry(TarEntryType.SymbolicLink, "package/link") { LinkName = "/etc/passwd" });
            tar.WriteEntry(new UstarTarEntry(TarEntryType.HardLink, "package/hard") { LinkName = "../../outside" });
            tar.WriteEntry(new UstarTarEntry(TarEntryType.Directory, "package"));
            tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile,
                "package/a.json")
            { DataStream = new MemoryStream("{}"u8.ToArray()) });
            tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile,
                "unwanted")
            { DataStream = new MemoryStream(new byte[50]) });
        }

        buffer.Position = 0;
        return NpmArchive.Read(buffer, "made.tgz", wanted, limits ?? TarLimits.Default);
    }
}
