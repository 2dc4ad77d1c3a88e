using System.Linq;
using System.Text.Json.Nodes;
using FlorenceKernels.Datasets;

namespace FlorenceKernels.Cli;

/// <summary><c>florence data fetch</c>: gets the packages through npm and apt into the cache.</summary>
internal sealed class DataFetchVerb : Verb
{
    public DataFetchVerb(CommonOptions common)
        : base(common, "fetch", "Get the image and text packages by name through npm and apt, checksums recorded",
        "florence data fetch", "florence data fetch --data emoji --permissive")
    {
        Flag<string>("--data", "data",
            "emoji (npm only) or auto (tuxpaint and openclipart too, where apt works) [default: auto]", "NAME");
        Flag<bool>("--permissive", "permissive", "Leave out art whose licence is share-alike");
        Flag<string>("--packages", "packages", "Folder of the packages [default: FLORENCE_DATA or the user's cache]", "DIR");
        BindSeed("seed");
    }

    protected override JsonObject Defaults(GivenSettings given) =>
        new() { ["device"] = "cpu", ["seed"] = 1, ["data"] = "auto", ["permissive"] = false, ["packages"] = DataSource.Packages };

    protected override int Run(VerbCall call)
    {
        using var interrupts = new Interrupts(call.Screen);
        var name = call.Settings.Text("data");
        if (name is not ("auto" or "emoji"))
        {
            throw new UsageException($"data fetch: '{name}' has no packages; give auto or emoji");
        }
        var wanted = SourcePackage.Choose(name == "auto", call.Settings.Flag("permissive"));
        var cache = new PackageCache(call.Settings.Text("packages"));
        string[] missing = [];
        var fetched = call.Screen.Progress("fetch", report =>
        {
            var got = cache.Fetch(wanted, out var left, p
                => report(new StageProgress(p.Total == 0 ? 0 : (double)p.Done / p.Total, p.Item)), interrupts.Token);
            missing = [.. left];
            return got;
        });
        call.Screen.Table(["package", "version", "MB", "licence", "SHA-256"], fetched.Select(f => new[]
        {
            f.Package.Name, f.Version, $"{f.Bytes / 1e6:0.0}", f.Package.Licence, f.Sha256[..16] + "…",
        }));
        foreach (var reason in missing) { call.Screen.Line($"left out: {reason}"); }
        call.Screen.Result(new JsonObject
        {
            ["packages"] = new JsonArray([.. fetched.Select(f => new JsonObject
            {
                ["name"] = f.Package.Name, ["version"] = f.Version, ["bytes"] = f.Bytes, ["licence"] = f.Package.Licence,
                    ["sha256"] = f.Sha256,
            })]),
            ["missing"] = new JsonArray([.. missing.Select(m => JsonValue.Create(m))]),
        });
        return 0;
    }
}
