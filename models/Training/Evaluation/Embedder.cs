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

    /// <summary>Samples of a data set → [count, Width]. With <paramref name="withMirror"/> the mean with the mirrored image, normalised.</summary>
    public float[] Images(PairDataset dataset, IReadOnlyList<int> indices, bool withMirror = true)
    {
        var straight = Images(dataset, indices, PairView.Straight);
        if (!withMirror) { return straight; }
        var mirrored = Images(dataset, indices, PairView.Mirrored);
        for (var i = 0; i < straight.Length; i++) { straight[i] += mirrored[i]; }
        return Normalized(straight);
    }

    /// <summary>Normalised images [count, 3, S, S] → [count, Width].</summary>
    public float[] Images(float[] pixels, int count)
    {
        var row = pixels.Length / Math.Max(1, count);
        var side = (int)Math.Sqrt(row / 3);
        return InBatches(count, (from, n) => model.EncodeImage(Tensor.From(pixels.AsSpan(from * row, n * row), [n, 3, side, side], device).To(dtype)));
    }

    private enum PairView { Straight, Mirrored }

    private float[] Images(PairDataset dataset, IReadOnlyList<int> indices, PairView view)
    {
        var side = model.Config.Image.ImageSize;
        var augmentation = new PairAugmentation(new AugmentationOptions(), side);
        return InBatches(indices.Count, (from, count) =>
        {
            var pixels = new float[count * augmentation.RowSize];
            for (var row = 0; row < count; row++)
            {
                augmentation.Evaluate(dataset.Pixels(indices[from + row]), pixels.AsSpan(row * augmentation.RowSize, augmentation.RowSize), view == PairView.Mirrored);
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
