using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Data;
using FlorenceKernels.Testing;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Every case of golden group 14: PIL and torchvision on real uint8 images, compared exactly where the result is
/// uint8.</summary>
public sealed class ImageGoldenTests
{
    private const string Group = "14_image";
    private const int CaseCount = 42;

    public static IEnumerable<TheoryDataRow<string>> Cases() => GoldenCase.Rows(Group);

    [Fact]
    public void All_cases_of_the_group_are_here() => GoldenCase.RequireCount(Group, CaseCount);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Case_equals_the_reference(string name)
    {
        var golden = GoldenCase.Open(Group, name);
        switch (golden.Config.GetProperty("kind").GetString())
        {
            case "pil_resize": Resize(golden); break;
            case "center_crop": Crop(golden); break;
            case "eval_pipeline": EvalPipeline(golden); break;
            case "squash_pipeline": SquashPipeline(golden); break;
            case "resized_crop": ResizedCrop(golden); break;
            case "convert": Convert(golden); break;
            case var kind: Assert.Fail($"no harness for cases of kind '{kind}'"); break;
        }
    }

    private static RgbImage Input(GoldenFile golden, string name = "in.image") =>
        golden.Shape(name) is [var height, var width, 3] ? new RgbImage(width, height, golden.Bytes(name))
            : throw new InvalidOperationException(name);

    private static ResizeFilter Filter(GoldenFile golden) =>
        Enum.Parse<ResizeFilter>(golden.Config.GetProperty("filter").GetString()!, ignoreCase: true);

    private static float[] Numbers(GoldenFile golden, string key) =>
        [.. golden.Config.GetProperty(key).EnumerateArray().Select(v => v.GetSingle())];

    private static ChannelNormalization Normalization(GoldenFile golden) => new(Numbers(golden, "mean"), Numbers(golden, "std"));

    private static int[] Integers(JsonElement array) => [.. array.EnumerateArray().Select(v => v.GetInt32())];

    private static void Resize(GoldenFile golden)
    {
        var image = Input(golden);
        var size = Integers(golden.Config.GetProperty("size_hw"));
        var filter = Filter(golden);
        GoldenCase.Agrees(golden.Compare("out.image", Resampler.Resize(image, size[1], size[0], filter).Pixels));
        var floats = new float[size[0] * size[1] * 3];
        Resampler.Resize(Array.ConvertAll(image.Pixels, v => (float)v), image.Width, image.Height, 3, floats, size[1], size[0],
            filter);
        if (golden.Has("out.float")) GoldenCase.Agrees(golden.Compare("out.float", floats));
        var gray = new GrayImage(image.Width, image.Height, [.. image.Pixels.Where((_, i) => i % 3 == 1)]);
        byte[] green = [.. golden.Bytes("out.image").Where((_, i) => i % 3 == 1)];
        Assert.Equal(green, Resampler.Resize(gray, size[1], size[0], filter).Pixels);
    }

    private static void Crop(GoldenFile golden)
    {
        var size = golden.Config.GetProperty("size").GetInt32();
        GoldenCase.Agrees(golden.Compare("out.image", ImageGeometry.CenterCrop(Input(golden), size, size).Pixels));
    }

    private static void EvalPipeline(GoldenFile golden)
    {
        var image = Input(golden);
        int size = golden.Config.GetProperty("resize_short").GetInt32(), crop = golden.Config.GetProperty("crop").GetInt32();
        var (width, height) = ImageGeometry.ShortSideSize(image.Width, image.Height, size);
        GoldenCase.Agrees(golden.Compare("out.resized_size", [height, width]));
        var filter = Filter(golden);
        Run(golden, new Compose([new ResizeShortSide(size, filter), new CenterCrop(crop, crop)], Normalization(golden)), image,
            "out.crop");
        if (filter != ResizeFilter.Bicubic) return;
        Run(golden, size == crop ? Compose.ClipEval(crop) : Compose.SwinEval(crop), image, "out.crop");
    }

    private static void SquashPipeline(GoldenFile golden) =>
        Run(golden, Compose.SquareEval(golden.Config.GetProperty("size").GetInt32()), Input(golden), "out.crop");

    private static void ResizedCrop(GoldenFile golden)
    {
        var box = Integers(golden.Config.GetProperty("box_top_left_height_width"));
        var size = golden.Config.GetProperty("size").GetInt32();
        var cropped = ImageGeometry.Crop(Input(golden), new CropBox(box[0], box[1], box[2], box[3]));
        var flip = new RandomHorizontalFlip(golden.Config.GetProperty("hflip").GetBoolean() ? 1 : 0);
        Run(golden, new Compose([new ResizeTo(size, size, Filter(golden)), flip], Normalization(golden)), cropped, "out.image");
    }

    private static void Run(GoldenFile golden, Compose pipeline, RgbImage image, string bytes)
    {
        var random = new SampleRandom(0, 0, 0);
        var result = pipeline.Apply(image, ref random);
        GoldenCase.Agrees(golden.Compare(bytes, result.Pixels));
        var chw = new float[3 * result.Width * result.Height];
        pipeline.Apply(image, chw);
        GoldenCase.Agrees(golden.Compare("out.tensor", chw));
    }

    private static void Convert(GoldenFile golden)
    {
        var (height, width) = (golden.Shape("in.gray")[0], golden.Shape("in.gray")[1]);
        GoldenCase.Agrees(golden.Compare("out.gray_to_rgb",
            new GrayImage(width, height, golden.Bytes("in.gray")).ToRgb().Pixels));
        GoldenCase.Agrees(golden.Compare("out.rgba_to_rgb",
            new RgbaImage(width, height, golden.Bytes("in.rgba")).ToRgb().Pixels));
        GoldenCase.Agrees(golden.Compare("out.rgb_to_gray", Input(golden, "in.rgb").ToGray().Pixels));
    }
}
