using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>The whole backward of a linear layer on the CPU: dz = dy·act′(z), dX = dz·W, dW = dzᵀ·X, db = Σ dz, chunk by chunk of rows.</summary>
/// <remarks>A chunk of dz is small enough to be read three times from L3, and only a chunk of it exists. Chunks are cut by the problem's
/// size and summed in order: the same bits for any thread count.
/// Ladder, nano step (32 px, batch 96), processor ms of the whole step: slope and bias sums a pass each 201, both in one pass 200,
/// chunks of 2 MiB 196, of 1 MiB (this) 194. Predicted 190: dz is read from L3 now, but y and x still come from memory.</remarks>
internal static class LinearBackward
{
    private const long ChunkBytes = 1 << 20;
    private const int LeastRows = 384;      // of a chunk: each adds to dW once

    public static void Run(Activation activation, Tensor dy, Tensor? z, Tensor x, Tensor weight, (Tensor? X, Tensor? Weight, Tensor? Bias) d,
        bool accumulate = false)
    {
        dy.Device.Counters.Launched();
        if (dy.DType == DType.F32) { Chunks<float>((GemmActivation)activation, dy, z, x, weight, d, accumulate); }
        else { Chunks<double>((GemmActivation)activation, dy, z, x, weight, d, accumulate); }
    }

    private static unsafe void Chunks<T>(GemmActivation activation, Tensor dy, Tensor? z, Tensor x, Tensor weight,
        (Tensor? X, Tensor? Weight, Tensor? Bias) d, bool accumulate) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int m = dy.Shape[0], n = dy.Shape[1], rows = RowsPerChunk(m, (long)n * sizeof(T));
        using var scope = TensorScope.Begin();
        var slopes = z is null ? null : Tensor.EmptyLike(dy, [rows, n]);
        for (var from = 0; from < m; from += rows)
        {
            var count = Math.Min(rows, m - from);
            T* py = dy.Pointer<T>() + (long)from * n, dz = slopes is null ? py : slopes.Pointer<T>();
            T* pz = z is null ? null : z.Pointer<T>() + (long)from * n, db = d.Bias is null ? null : d.Bias.Pointer<T>();
            if (pz != null && db != null) { GemmBackward.ActivationAndSums(activation, count, n, py, pz, dz, db, accumulate); }
            else if (pz != null) { GemmBackward.Activation(activation, (long)count * n, py, pz, dz); }
            else if (db != null) { GemmBackward.ColumnSums(count, n, dz, n, db, accumulate); }
            if (d.X is not null) { Inputs(dz, count, weight, d.X.Pointer<T>() + (long)from * weight.Shape[1]); }
            if (d.Weight is not null) { Weights(dz, count, x, from, d.Weight, accumulate); }
            accumulate = true;
        }

        // Addresses do not keep memory; Kernel.Run does this for other kernels.
        GC.KeepAlive((dy, z, x, weight, d));
    }

    private static int RowsPerChunk(int m, long rowBytes)
    {
        var rows = (int)Math.Clamp(ChunkBytes / rowBytes, LeastRows, int.MaxValue / 2);
        var chunks = Math.Max(1, (m + rows / 2) / rows);
        return (m + chunks - 1) / chunks;
    }

    // dX = dz·W
    private static unsafe void Inputs<T>(T* dz, int rows, Tensor weight, T* dx) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Gemm.Run(new GemmArgs<T>
        {
            M = rows,
            N = weight.Shape[1],
            K = weight.Shape[0],
            Batch = 1,
            Alpha = T.One,
            A = dz,
            ARow = weight.Shape[0],
            ACol = 1,
            B = weight.Pointer<T>(),
            BRow = weight.Strides[0],
            BCol = weight.Strides[1],
            C = dx,
            CRow = weight.Shape[1],
        });

    // dW (+)= dzᵀ·X
    private static unsafe void Weights<T>(T* dz, int rows, Tensor x, int from, Tensor dw, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Gemm.Run(new GemmArgs<T>
        {
            M = dw.Shape[0],
            N = dw.Shape[1],
            K = rows,
            Batch = 1,
            Alpha = T.One,
            Beta = accumulate ? T.One : T.Zero,
            A = dz,
            ARow = 1,
            ACol = dw.Shape[0],
            B = x.Pointer<T>() + from * x.Strides[0],
            BRow = x.Strides[0],
            BCol = x.Strides[1],
            C = dw.Pointer<T>(),
            CRow = dw.Shape[1],
        });
}
