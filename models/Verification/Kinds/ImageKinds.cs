using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using FlorenceKernels.Data;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Verification;

/// <summary>PIL and torchvision on real uint8 images, compared exactly where the result is uint8.</summary>
public sealed class ImageKinds : IGoldenKind
{
    /// <inheritdoc/>
    public IEnumerable<string> Kinds => ["pil_resize", "center_crop", "eval_pipeline", "squash_pipeline", "resized_crop", "convert"];

    /// <inheritdoc/>
    public void Run(GoldenRun run)
    {
        switch (run.Case.Kind)
        {
            case "pil_resize": Resize(run); break;
            case "center_crop": Crop(run); break;
            case "eval_pipeline": EvalPipeline(run); break;
            case "squash_pipeline": SquashPipeline(run); break;
            case "resized_crop": ResizedCrop(run); break;
            default: Convert(run); break;
        }
    }

    private static RgbImage Input(GoldenRun run, string name = "in.image") =>
        run.Case.Shape(name) is [var height, var width, 3] ? new RgbImage(width, height, run.Case.Bytes(name))
            : throw new InvalidOperationException(name);

    private static ResizeFilter Filter(GoldenRun run) =>
        Enum.Parse<ResizeFilter>(run.Case.Config.GetProperty("filter").GetString()!, ignoreCase: true);

    private static float[] Numbers(GoldenRun run, string key) =>
        [.. run.Case.Config.GetProperty(key).EnumerateArray().Select(v => v.GetSingle())];

    private static ChannelNormalization Normalization(GoldenRun run) => new(Numbers(run, "mean"), Numbers(run, "std"));

    private static int[] Integers(JsonElement array) => [.. array.EnumerateArray().Select(v => v.GetInt32())];

    private static void Resize(GoldenRun run)
    {
        var image = Input(run);
        var size = Integers(run.Case.Config.GetProperty("size_hw"));
        var filter = Filter(run);
        run.Compare("out.image", Resampler.Resize(image, size[1], size[0], filter).Pixels);
        var floats = new float[size[0] * size[1] * 3];
        Resampler.Resize(Array.ConvertAll(image.Pixels, v => (float)v), image.Width, image.Height, 3, floats, size[1], size[0],
            filter);
        if (run.Case.Has("out.float")) run.Compare("out.float", floats);
        var gray = new GrayImage(image.Width, image.Height, [.. image.Pixels.Where((_, i) => i % 3 == 1)]);
        byte[] green = [.. run.Case.Bytes("out.image").Where((_, i) => i % 3 == 1)];
        if (!green.AsSpan().SequenceEqual(Resampler.Resize(gray, size[1], size[0], filter).Pixels)) { throw new FlorenceException("the grey path differs from the colour path"); }
    }

    private static void Crop(GoldenRun run)
    {
        var size = run.Case.Config.GetProperty("size").GetInt32();
        run.Compare("out.image", ImageGeometry.CenterCrop(Input(run), size, size).Pixels);
    }

    private static void EvalPipeline(GoldenRun run)
    {
        var image = Input(run);
        int size = run.Case.Config.GetProperty("resize_short").GetInt32(), crop = run.Case.Config.GetProperty("crop").GetInt32();
        var (width, height) = ImageGeometry.ShortSideSize(image.Width, image.Height, size);
        run.Compare("out.resized_size", [height, width]);
        var filter = Filter(run);
        Pipeline(run, new Compose([new ResizeShortSide(size, filter), new CenterCrop(crop, crop)], Normalization(run)), image,
            "out.crop");
        if (filter != ResizeFilter.Bicubic) return;
        Pipeline(run, size == crop ? Compose.ClipEval(crop) : Compose.SwinEval(crop), image, "out.crop");
    }

    private static void SquashPipeline(GoldenRun run) =>
        Pipeline(run, Compose.SquareEval(run.Case.Config.GetProperty("size").GetInt32()), Input(run), "out.crop");

    private static void ResizedCrop(GoldenRun run)
    {
        var box = Integers(run.Case.Config.GetProperty("box_top_left_height_width"));
        var size = run.Case.Config.GetProperty("size").GetInt32();
        var cropped = ImageGeometry.Crop(Input(run), new CropBox(box[0], box[1], box[2], box[3]));
        var flip = new RandomHorizontalFlip(run.Case.Config.GetProperty("hflip").GetBoolean() ? 1 : 0);
        Pipeline(run, new Compose([new ResizeTo(size, size, Filter(run)), flip], Normalization(run)), cropped, "out.image");
    }

    private static void Pipeline(GoldenRun run, Compose pipeline, RgbImage image, string bytes)
    {
        var random = new SampleRandom(0, 0, 0);
        var result = pipeline.Apply(image, ref random);
        run.Compare(bytes, result.Pixels);
        var chw = new float[3 * result.Width * result.Height];
        pipeline.Apply(image, chw);
        run.Compare("out.tensor", chw);
    }

    private static void Convert(GoldenRun run)
    {
        var (height, width) = (run.Case.Shape("in.gray")[0], run.Case.Shape("in.gray")[1]);
        run.Compare("out.gray_to_rgb", new GrayImage(width, height, run.Case.Bytes("in.gray")).ToRgb().Pixels);
        run.Compare("out.rgba_to_rgb", new RgbaImage(width, height, run.Case.Bytes("in.rgba")).ToRgb().Pixels);
        run.Compare("out.rgb_to_gray", Input(run, "in.rgb").ToGray().Pixels);
    }
}
