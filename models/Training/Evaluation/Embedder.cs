using System;
using System.Collections.Generic;
using FlorenceKernels.Data;
using FlorenceKernels.Runtime;
using FlorenceKernels.Tensors;

namespace FlorenceKernels.Training;

/// <summary>Images and texts to unit vectors of the common space, in batches and without recording.</summary>
public sealed class Embedder(Models.Florence model, ClipTokenizer tokenizer, Device device, DType dtype = DType.F32)
{
    private const int Batch = 128;

    private static readonly double[] Zooms = [0.9, 1, 1.1];

    /// <summary>Size of the vectors.</summary>
    public int Width => model.Config.EmbedDim;

    /// <summary>Texts → [count, Width], row-major.</summary>
    public float[] Texts(IReadOnlyList<string> texts)
    {
        var context = model.Config.Text.Context;
        return InBatches(texts.Count, (from, count) =>
        {
            var ids = new long[count * context];
            for (var row = 0; row < count; row++)
            {
                var encoded = tokenizer.EncodePadded(texts[from + row], context);
                for (var n = 0; n < context; n++) { ids[row * context + n] = encoded.Ids[n]; }
            }

            return model.EncodeText(Tensor.From(ids, [count, context], device));
        });
    }

    /// <summary>Samples of a data set → [count, Width]: the mean over six views, the picture and its mirror image at 0.9, 1 and 1.1 of its
    /// size, normalised. Training crops hide the borders of most pictures, so the model is surest of none of the sizes.</summary>
    public float[] Images(PairDataset dataset, IReadOnlyList<int> indices)
    {
        var mean = new float[indices.Count * Width];
        foreach (var zoom in Zooms)
        {
            foreach (var isMirrored in new[] { false, true })
            {
                var view = View(dataset, indices, isMirrored, zoom);
                for (var i = 0; i < view.Length; i++) { mean[i] += view[i]; }
            }
        }

        return Normalized(mean);
    }

    /// <summary>Normalised images [count, 3, S, S] → [count, Width].</summary>
    public float[] Images(float[] pixels, int count)
    {
        var row = pixels.Length / Math.Max(1, count);
        var side = (int)Math.Sqrt(row / 3);
        return InBatches(count, (from, n) => model.EncodeImage(Tensor.From(pixels.AsSpan(from * row, n * row), [n, 3, side, side], device).To(dtype)));
    }

    private float[] View(PairDataset dataset, IReadOnlyList<int> indices, bool isMirrored, double zoom)
    {
        var side = model.Config.Image.ImageSize;
        var augmentation = new PairAugmentation(new AugmentationOptions(), side);
        return InBatches(indices.Count, (from, count) =>
        {
            var pixels = new float[count * augmentation.RowSize];
            for (var row = 0; row < count; row++)
            {
                augmentation.Evaluate(dataset.Pixels(indices[from + row]), pixels.AsSpan(row * augmentation.RowSize, augmentation.RowSize), isMirrored, zoom);
            }

            return model.EncodeImage(Tensor.From(pixels, [count, 3, side, side], device).To(dtype));
        });
    }

    private float[] InBatches(int total, Func<int, int, Tensor> encode)
    {
        using var noGrad = GradMode.NoGrad();
        var result = new float[total * Width];
        for (var from = 0; from < total; from += Batch)
        {
            using var scope = TensorScope.Begin();
            var count = Math.Min(Batch, total - from);
            encode(from, count).To(DType.F32).ToArray<float>().CopyTo(result.AsSpan(from * Width));
        }

        return result;
    }

    private float[] Normalized(float[] rows)
    {
        for (var at = 0; at < rows.Length; at += Width)
        {
            var row = rows.AsSpan(at, Width);
            var norm = 0.0;
            foreach (var v in row) { norm += (double)v * v; }
            var scale = (float)(1 / Math.Max(Math.Sqrt(norm), 1e-12));
            foreach (ref var v in row) { v *= scale; }
        }

        return rows;
    }
}
