using System.Collections.Generic;
using System.Linq;

namespace FlorenceKernels.Datasets;

/// <summary>The program that gets a package, called by name with whatever registry the machine has configured.</summary>
public enum RegistryClient { Npm, Apt }

/// <summary>
/// A package that images or texts come from. <paramref name="Version"/> is exact for npm; apt gives what the machine's lists
/// offer, and <paramref name="Version"/> is then the one that the published counts were measured with.
/// <paramref name="NumberedDrawings"/> says that the artist's further drawings of a name end in -2, -3 and so on.
/// </summary>
public sealed record SourcePackage(
    RegistryClient Client,
    string Name,
    string Version,
    string Source,
    string Artwork,
    string Licence,
    bool ShareAlike = false,
    bool Attribution = false,
    bool NumberedDrawings = false)
{
    public const string Texts = "texts";

    /// <summary>The package's file or folder name in the cache.</summary>
    public string FileStem => Name.Replace("@", "").Replace('/', '-') + (Client == RegistryClient.Npm ? "-" + Version : "");

    /// <summary>The emoji set: nine artists and the texts.</summary>
    public static readonly IReadOnlyList<SourcePackage> Emoji =
    [
        new(RegistryClient.Npm, "emojibase-data", "17.0.0", Texts, "CLDR labels and tags (no images)", "MIT"),
        new(RegistryClient.Npm, "openmoji", "17.0.0", "openmoji", "OpenMoji", "CC-BY-SA-4.0", ShareAlike: true,
            Attribution: true),
        new(RegistryClient.Npm, "@iconify-json/noto", "1.2.9", "google", "Noto Emoji by Google", "Apache-2.0"),
        new(RegistryClient.Npm, "@iconify-json/twemoji", "1.2.5", "twitter", "Twemoji by Twitter", "CC-BY-4.0",
            Attribution: true),
        new(RegistryClient.Npm, "@iconify-json/emojione", "1.2.3", "emojione", "EmojiTwo", "CC-BY-4.0", Attribution: true),
        new(RegistryClient.Npm, "@iconify-json/noto-v1", "1.2.5", "noto-v1", "Noto Emoji v1 by Google", "Apache-2.0"),
        new(RegistryClient.Npm, "@iconify-json/emojione-v1", "1.2.3", "emojione-v1", "EmojiOne v1", "CC-BY-SA-4.0",
            ShareAlike: true, Attribution: true),
        new(RegistryClient.Npm, "@iconify-json/fxemoji", "1.2.2", "fxemoji", "Firefox OS Emoji by Mozilla", "Apache-2.0"),
        new(RegistryClient.Npm, "@iconify-json/fluent-emoji-flat", "1.2.6", "fluent", "Fluent Emoji by Microsoft", "MIT"),
        new(RegistryClient.Npm, "@iconify-json/streamline-emojis", "1.2.4", "streamline", "Streamline Emojis", "CC-BY-4.0",
            Attribution: true, NumberedDrawings: true),
    ];

    /// <summary>The collections that join when the Debian client works.</summary>
    public static readonly IReadOnlyList<SourcePackage> Collections =
    [
        new(RegistryClient.Apt, "openclipart-svg", "1:0.18+dfsg-19", "openclipart", "Open Clip Art Library", "public domain"),
        new(RegistryClient.Apt, "tuxpaint-stamps-default", "2022.06.04-1", "tuxpaint", "Tux Paint stamps", "GPL-2.0",
            ShareAlike: true),
    ];

    /// <summary>
    /// Every package with images that may be used; <paramref name="permissive"/> leaves out the share-alike ones.
    /// </summary>
    public static IEnumerable<SourcePackage> Choose(bool collections, bool permissive) =>
        (collections ? Emoji.Concat(Collections) : Emoji).Where(p => !(permissive && p.ShareAlike));
}
