using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using FlorenceKernels.Datasets;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

public sealed class SourceParsingTests
{
    private static readonly SourcePackage Package = new(RegistryClient.Npm, "made", "1.0.0", "vendor", "made art", "MIT");

    private static EmojiConcepts Concepts() => EmojiConcepts.Parse(
        """
        [{"label":"regional indicator A","hexcode":"1F1E6"},
         {"label":"cow face","hexcode":"1F42E","tags":["animal","cow face"],"group":1,"subgroup":7},
         {"label":"cow","hexcode":"1F404","tags":["ox"],"group":1,"subgroup":7},
         {"label":"red heart","hexcode":"2764-FE0F","group":0,"subgroup":3},
         {"label":"flag: Barbados","hexcode":"1F1E7-1F1E7","group":2,"subgroup":9},
         {"label":"T-shirt","hexcode":"1F455","group":0,"subgroup":3},
         {"label":"thumbs up","hexcode":"1F44D","group":0,"subgroup":3}]
        """u8.ToArray(),
        """
        {"groups":{"0":"objects","1":"animals-nature","2":"flags"},
         "subgroups":{"3":"things","7":"animal-mammal","9":"country-flag"}}
        """u8.ToArray(),
        """{"2764":"HEAVY BLACK HEART","1F404":"COW","1FFFF":"UNKNOWN"}"""u8.ToArray(),
        """{"1F42E":"cow","1F455":["shirt","tshirt"],"1F44D":["+1","thumbsup"]}"""u8.ToArray(),
        """{"1F404":["moo_cow","cow_face"]}"""u8.ToArray());

    [Theory]
    [InlineData("A flower.", "flower")]
    [InlineData("An albino peahen (a female peafowl, or peacock).", "albino peahen")]
    [InlineData("  The cat's   Pyjamas!", "cats pyjamas")]
    [InlineData("flag: Côte d’Ivoire", "flag côte divoire")]
    [InlineData("keycap: #", "keycap")]
    [InlineData("(nothing)", "")]
    public void Normalise_leaves_words_only(string text, string key) => Assert.Equal(key, TextKey.Normalise(text));

    [Theory]
    [InlineData("cow-face", "cow face")]
    [InlineData("cow", "cow")] // a label wins over the short name of another emoji
    [InlineData("heavyblackheart", "red heart")]
    [InlineData("flag-for-barbados", "flag: Barbados")]
    [InlineData("flag-for-flag-barbados", "flag: Barbados")]
    [InlineData("tshirt", "T-shirt")]
    [InlineData("moo-cow", null)]
    [InlineData("unknown", null)]
    [InlineData("regional-indicator-a", null)]
    public void Icon_names_find_their_concept(string icon, string? label) =>
        Assert.Equal(label, Concepts().ByIconName(icon)?.Label);

    [Theory]
    [InlineData("thumbsup", "thumbs up")]
    [InlineData("shirt", "T-shirt")]
    [InlineData("t shirt", "T-shirt")]
    [InlineData("moo cow", "cow")] // a short name that only captions know
    [InlineData("cow face", "cow face")]
    [InlineData("1", null)] // the short name "+1" must not make the number a thumb
    public void Captions_find_concepts_by_label_or_short_name(string text, string? label) =>
        Assert.Equal(label, Concepts().ByText(text)?.Label);

    [Fact]
    public void Code_points_are_matched_without_the_variation_selector()
    {
        Assert.Equal("red heart", Concepts().ByCode("2764")?.Label);
        Assert.Equal("2764-200d-1f525", EmojiConcepts.CodeOf("2764-FE0F-200D-1F525"));
    }

    [Fact]
    public void Rich_text_is_the_label_with_its_other_tags()
    {
        Assert.Equal("cow face: animal", Concepts().ByCode("1f42e")!.Rich);
        Assert.Null(Concepts().ByCode("1f455")!.Rich);
    }

    [Fact]
    public void Iconify_body_is_wrapped_in_its_own_view_box()
    {
        IReadOnlyList<SourceImage> images = IconifySource.Parse(Encoding.UTF8.GetBytes(
            """
            {"prefix":"p","width":128,"height":64,"icons":{
              "cow":{"body":"<path d='M0 0'/>"},
              "red-heart":{"body":"<use href=\"#a\"/>","left":-2,"top":3,"width":36.5,"height":40},
              "nothing":{"body":"<g/>"}}}
            """), null, Package, Concepts());
        Assert.Equal(["vendor/1f404", "vendor/2764"], images.Select(i => i.Id));
        Assert.Contains("viewBox=\"0 0 128 64\"><path", Svg(images[0]));
        Assert.Contains("viewBox=\"-2 3 36.5 40\"><use xlink:href=\"#a\"/>", Svg(images[1]));
        Assert.Equal(("cow", "animals-nature", "animal-mammal", "MIT"),
            (images[0].Text, images[0].Group, images[0].Subgroup, images[0].Licence));
    }

    [Fact]
    public void Iconify_code_table_wins_over_names_and_aliases_are_followed()
    {
        byte[] icons = Encoding.UTF8.GetBytes(
            """
            {"width":10,"icons":{"cow":{"body":"<a/>"},"moo":{"body":"<b/>"},"left":{"body":"<c/>"}},
             "aliases":{"thumbs-up":{"parent":"left","hFlip":true},"t-shirt":{"parent":"left","rotate":1}}}
            """);
        IReadOnlyList<SourceImage> images = IconifySource.Parse(
            icons, Encoding.UTF8.GetBytes("""{"1f404":"moo"}"""), Package, Concepts());
        Assert.Equal(["vendor/1f404", "vendor/1f44d"], images.Select(i => i.Id));
        Assert.Contains("<b/>", Svg(images[0]));
        Assert.Contains("<g transform=\"translate(10 0) scale(-1 1)\"><c/></g>", Svg(images[1]));
    }

    [Theory]
    [InlineData(true, "vendor/1f404", "vendor/cow-2", "vendor/cow-face-2")] // the first of each concept bears its code
    [InlineData(false, "vendor/1f404", null, null)]
    public void Numbered_icons_are_further_drawings_where_the_artist_numbers_them(bool numbered, string first, string? second, string? third)
    {
        byte[] icons = Encoding.UTF8.GetBytes(
            """{"icons":{"cow":{"body":"<a/>"},"cow-2":{"body":"<b/>"},"cow-face-1":{"body":"<c/>"},"cow-face-2":{"body":"<d/>"},"9":{"body":"<e/>"}}}""");
        IReadOnlyList<SourceImage> images = IconifySource.Parse(icons, null, Package with { NumberedDrawings = numbered }, Concepts());
        string?[] expected = numbered ? [first, second, "vendor/1f42e", third] : [first];
        Assert.Equal(expected, images.Select(i => i.Id));
        Assert.All(images, i => Assert.StartsWith("cow", i.Text, StringComparison.Ordinal));
    }

    private const string ClipArt =
        """
        <svg><title>page</title><metadata><rdf:RDF><cc:Work rdf:about="">
        <dc:publisher><cc:Agent><dc:title>Jo Painter</dc:title></cc:Agent></dc:publisher>
        <dc:title>Apple &amp;amp; Pie</dc:title><dc:description>A pie of apples on a plate.</dc:description>
        <dc:subject><rdf:Bag><rdf:li>hash(0x89f892c)</rdf:li><rdf:li>food</rdf:li><rdf:li>menu</rdf:li>
        <rdf:li>jo painter</rdf:li></rdf:Bag></dc:subject>
        <cc:license rdf:resource="http://web.resource.org/cc/PublicDomain"/></cc:Work></rdf:RDF></metadata></svg>
        """;

    [Fact]
    public void Openclipart_title_is_the_works_own()
    {
        OpenclipartSource.Entry entry = OpenclipartSource.Parse("x", "food/pie_jo_pain_01.svg", ClipArt)!;
        Assert.Equal("Apple & Pie", entry.Title);
        Assert.Equal(["food"], entry.Keywords);
        SourceImage image = Assert.Single(OpenclipartSource.Images([entry], Package, Concepts()));
        Assert.Equal(("apple pie", "food", "A pie of apples on a plate."), (image.Key, image.Group, image.Rich));
    }

    [Fact]
    public void Openclipart_without_a_public_domain_statement_is_left_out() =>
        Assert.Null(OpenclipartSource.Parse("x", "food/pie.svg",
            ClipArt.Replace("PublicDomain", "Other", StringComparison.Ordinal)));

    [Fact]
    public void Openclipart_title_used_often_gives_way_to_the_file_name()
    {
        OpenclipartSource.Entry[] entries = Enumerable.Range(0, 5)
            .Select(i => OpenclipartSource.Parse("x", $"food/red_cow{i}_jo_pain_0{i}.svg", ClipArt)!).ToArray();
        Assert.All(OpenclipartSource.Images(entries, Package, Concepts()), i => Assert.Equal("red cow", i.Text));
        Assert.All(OpenclipartSource.Images(entries[..4], Package, Concepts()), i => Assert.Equal("Apple & Pie", i.Text));
    }

    [Theory]
    [InlineData("shapes/stars/star.svg", true)]
    [InlineData("computer/icons/lemon-theme/apps/x.svg", true)]
    [InlineData("animals/shapes.svg", false)]
    public void Openclipart_folders_of_repeated_art_are_dropped(string path, bool dropped) =>
        Assert.Equal(dropped, OpenclipartSource.IsDropped(path));

    [Fact]
    public void Tuxpaint_sentence_gives_a_short_text_and_the_concept()
    {
        SourceImage cow = TuxpaintSource.Image(Package, "animals/mammals/cow.png", "p", "A cow.", Concepts());
        SourceImage letter = TuxpaintSource.Image(Package, "symbols/t.png", "p",
            "The sign for the letter T in American Sign Language.", Concepts());
        Assert.Equal(("cow", "cow", true, null), (cow.Text, cow.Key, cow.KnownConcept, cow.Rich));
        Assert.Equal(("animals", "mammals"), (cow.Group, cow.Subgroup));
        Assert.False(letter.KnownConcept);
        Assert.Equal("The sign for the letter T in American Sign Language", letter.Rich);
    }

    [Fact]
    public void Permissive_choice_has_no_share_alike_source()
    {
        string[] sources = SourcePackage.Choose(collections: true, permissive: true).Select(p => p.Source).ToArray();
        Assert.Equal(["texts", "google", "twitter", "emojione", "noto-v1", "fxemoji", "fluent", "streamline", "openclipart"], sources);
    }

    private static string Svg(SourceImage image) => Encoding.UTF8.GetString(image.Bytes());
}
