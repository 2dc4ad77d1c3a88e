using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public static partial class F
{
    /// <summary>(Shifted) window attention of Swin and Video-Swin on a packed projection: qkv [B, H, W, 3C] of images, or
    /// [B, D, H, W, 3C] of clips, holds q, k and v, each [heads, d], d = C/heads → [B, (D,) H, W, C] =
    /// softmax(q·kᵀ/√d + bias + mask)·v within windows. One kernel: no roll, partition or permutation is materialised.</summary>
    /// <param name="qkv">The projection, channels last.</param>
    /// <param name="biasTable">[(2P−1)(2Mh−1)(2Mw−1), heads] for a window of P frames, Mh rows and Mw columns (P = 1 for images):
    /// bias[h, i, j] = table[((zᵢ−zⱼ+P−1)(2Mh−1) + yᵢ−yⱼ+Mh−1)(2Mw−1) + xᵢ−xⱼ+Mw−1, h]; null for none. A window that was clipped
    /// (<see cref="WindowShape.ClippedTo"/>) reads the table of the full one by the same formula.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="window">Window size and shift. The map is read rolled by the shift; on a shifted axis, tokens of the last
    /// window that were not neighbours get −100 (finite) added to their score. A shift of 0 masks nothing on its axis. The
    /// shift is taken as given even when the map is one window (torchvision drops it there: the caller passes 0).</param>
    /// <param name="padQkv">[3C], what a padded token reads where an axis is no multiple of the window: the map is padded at the
    /// end of each axis after the norm and before the projection, so this is the projection's bias; null is zero. Padded tokens
    /// are attended; their outputs are dropped. Its gradient is the sum over padded keys and values.</param>
    /// <remarks>Source: Liu et al., arXiv 2103.14030, §3.2, eq. 4; clips: Liu et al., arXiv 2106.13230, §3.2. Backward keeps the
    /// inputs, the output and one log-sum-exp per row and head.</remarks>
    /// <exception cref="ShapeException">The shapes differ from those above, or a shift is not below its window.</exception>
    public static Tensor WindowAttention(Tensor qkv, Tensor? biasTable, int heads, WindowShape window, Tensor? padQkv = null)
    {
        const string Op = "window_attention";
        Check.SameFloat(Op, qkv);
        Check.That(qkv.Rank is 4 or 5, $"{Op}: qkv is {qkv.Shape}, expected [B, H, W, 3C] or [B, D, H, W, 3C]");
        var c3 = qkv.Shape[^1];
        Check.That(heads > 0 && c3 > 0 && c3 % (3 * heads) == 0,
            $"{Op}: qkv is {qkv.Shape}, expected a last axis of 3·C with C a multiple of {heads} heads");
        CheckWindow(Op, qkv, window);
        var layout = new WindowLayout(qkv.Shape, window, heads);
        if (biasTable is not null)
        {
            Check.SameFloat(Op, qkv, biasTable);
            Check.HasShape(Op, "biasTable", biasTable, [layout.TableRows, heads]);
        }

        if (padQkv is not null)
        {
            Check.SameFloat(Op, qkv, padQkv);
            Check.HasShape(Op, "padQkv", padQkv, [c3]);
        }

        (qkv, biasTable, padQkv) = (qkv.Contiguous(), biasTable?.Contiguous(), padQkv?.Contiguous());
        var y = Tensor.EmptyLike(qkv, qkv.Shape.With(qkv.Rank - 1, c3 / 3));
        var isRecorded = Tape.Records(qkv, biasTable, padQkv);
        if (y.Count == 0)
        {
            return isRecorded ? Tape.Record(y, new WindowGrad(layout, qkv, biasTable, padQkv, y, y), qkv, biasTable, padQkv) : y;
        }
        var lse = isRecorded || qkv.Device is GpuDevice ? Tensor.EmptyLike(qkv, [layout.Windows, heads, layout.Tokens]) : null;
        Kernel.Run(qkv, new WindowForward(layout, qkv, biasTable, padQkv, y, lse));
        return isRecorded ? Tape.Record(y, new WindowGrad(layout, qkv, biasTable, padQkv, y, lse!), qkv, biasTable, padQkv) : y;
    }

    private static void CheckWindow(string op, Tensor qkv, WindowShape window)
    {
        Check.That(window.IsValid, $"{op}: window is {window}, expected 0 <= shift < size on each axis");
        Check.That(qkv.Rank == 5 || window.Depth == 1,
            $"{op}: window is {window}, expected a depth of 1 for images, qkv is {qkv.Shape}");
        Check.That(window.FitsTable, $"{op}: window is {window}, expected one no larger than the table's");
    }

    private sealed class WindowGrad : GradFn
    {
        private readonly WindowLayout _layout;
        private readonly SavedTensor _qkv, _table, _pad, _y, _lse;

        public WindowGrad(WindowLayout layout, Tensor qkv, Tensor? table, Tensor? pad, Tensor y, Tensor lse)
        {
            _layout = layout;
            (_qkv, _table, _pad, _y, _lse) = (Save(qkv), Save(table), Save(pad), Save(y), Save(lse));
        }

        public override string Name => "window_attention";

        protected internal override Tensor?[] Backward(Tensor dy)
        {
            Tensor qkv = _qkv;
            var dQkv = Tensor.EmptyLike(qkv);
            var dTable = Needs(1) ? Tensor.ZerosLike(_table.Value) : null;
            var dPad = Needs(2) ? Tensor.ZerosLike(_pad.Value) : null;
            if (qkv.Count > 0)
            {
                Kernel.Run(qkv, new WindowBackward(_layout, (qkv, _table.OrNull, _pad.OrNull), (_y, dy.Contiguous(), _lse),
                    (dQkv, dTable, dPad)));
            }

            return [dQkv, dTable, dPad];
        }
    }
}

internal readonly struct WindowForward(WindowLayout layout, Tensor qkv, Tensor? table, Tensor? pad, Tensor y, Tensor? lse)
    : IOpKernel
{
    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var scope = TensorScope.Begin();
        var zeros = pad ?? Tensor.Zeros([3 * layout.Channels], qkv.DType);
        var x = new WindowOperands<T>(layout, qkv.Pointer<T>(), zeros.Pointer<T>(), lse is null ? null : lse.Pointer<T>());
        var bias = Tensor.Empty([table is null ? 1 : layout.Heads, x.Rows, x.Line], qkv.DType);
        Simd.Run<T, WindowForwardCpu<T>>(new(x, table is null ? null : table.Pointer<T>(), bias.Pointer<T>(), y.Pointer<T>()));
    }

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
    {
        var args = new AttentionForwardGpu.Args<R, WindowPlan<R>>
        {
            Q = WindowViews.Part<R>(qkv, 0, layout),
            K = WindowViews.Part<R>(qkv, 1, layout),
            V = WindowViews.Part<R>(qkv, 2, layout),
            Y = WindowViews.Output<R>(y, layout),
            Pad = (pad ?? qkv).View<R>(),
            HasPad = pad is null ? 0 : 1,
            Lse = lse!.View<R>(),
            Plan = WindowViews.Plan<R>(layout, table, qkv),
            Scale = R.Of(1 / Math.Sqrt(layout.Dim)),
            Instances = layout.Windows,
            Heads = layout.Heads,
            Queries = layout.Tokens,
            Keys = layout.Tokens,
            Dim = layout.Dim,
        };
        var items = (long)layout.Windows * layout.Heads * ((layout.Tokens + GpuTile.Size - 1) / GpuTile.Size);
        device.LaunchGroups(AttentionForwardGpu.OnlineTiles<R, WindowPlan<R>>, items, args);
    }
}

internal readonly struct WindowBackward(WindowLayout layout, (Tensor Qkv, Tensor? Table, Tensor? Pad) x,
    (Tensor Y, Tensor Dy, Tensor Lse) result,
    (Tensor Qkv, Tensor? Table, Tensor? Pad) d) : IOpKernel
{
    // Chunks are cut by the problem's size alone, so that sums have the same bits for any number of threads or groups.
    private const int MaxChunks = 64;
    private const long MaxSinkBytes = 64L << 20;

    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        using var scope = TensorScope.Begin();
        var pad = x.Pad ?? Tensor.Zeros([3 * layout.Channels], x.Qkv.DType);
        var operands = new WindowOperands<T>(layout, x.Qkv.Pointer<T>(), pad.Pointer<T>(), result.Lse.Pointer<T>());
        var bias = Tensor.Empty([x.Table is null ? 1 : layout.Heads, operands.Rows, operands.Line], x.Qkv.DType);
        var (chunk, chunks) = Chunks((long)operands.Rows * operands.Line * sizeof(T));
        var sums = d.Table is null ? null : Tensor.Zeros([chunks, layout.Heads, operands.Rows, operands.Line], x.Qkv.DType);
        var padSums = d.Pad is null ? null : Tensor.Zeros([chunks, 3 * layout.Channels], x.Qkv.DType);
        var to = new WindowGradients<T>(d.Qkv.Pointer<T>(), sums is null ? null : sums.Pointer<T>(),
            padSums is null ? null : padSums.Pointer<T>(), chunk);
        Simd.Run<T, WindowBackwardCpu<T>>(new(operands, x.Table is null ? null : x.Table.Pointer<T>(), bias.Pointer<T>(),
            result.Dy.Pointer<T>(), to));
        if (sums is not null)
        {
            Simd.Run<T, WindowFoldCpu<T>>(new(layout, sums.Pointer<T>(), chunks, operands.Rows, operands.Line,
                d.Table!.Pointer<T>()));
        }
        if (padSums is not null)
        {
            CopyOp.Into(d.Pad!, ReduceOp.Run<SumReducer>("sum", padSums, [0]).Reshape(3 * layout.Channels));
        }
    }

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
    {
        using var scope = TensorScope.Begin();
        int n = layout.Tokens, c3 = 3 * layout.Channels;
        var (chunk, chunks) = d.Table is null ? (1, layout.Windows) : Chunks((long)n * n * x.Qkv.DType.Size());
        var sums = d.Table is null ? null : Tensor.Zeros([chunks, layout.Heads, n, n], x.Qkv.DType, device);
        var padRows = d.Pad is null || layout.PadTokens == 0 ? null
            : Tensor.Zeros([layout.Batch * layout.PadTokens, c3], x.Qkv.DType, device);
        var delta = Tensor.EmptyLike(result.Lse);
        var args = new AttentionBackwardGpu.Args<R, WindowPlan<R>>
        {
            Q = WindowViews.Part<R>(x.Qkv, 0, layout),
            K = WindowViews.Part<R>(x.Qkv, 1, layout),
            V = WindowViews.Part<R>(x.Qkv, 2, layout),
            Y = WindowViews.Output<R>(result.Y, layout),
            Dy = WindowViews.Output<R>(result.Dy, layout),
            Dq = WindowViews.Part<R>(d.Qkv, 0, layout),
            Dk = WindowViews.Part<R>(d.Qkv, 1, layout),
            Dv = WindowViews.Part<R>(d.Qkv, 2, layout),
            Pad = (x.Pad ?? x.Qkv).View<R>(),
            HasPad = x.Pad is null ? 0 : 1,
            PadGradient = (padRows ?? x.Qkv).View<R>(),
            HasPadGradient = padRows is null ? 0 : 1,
            Lse = result.Lse.View<R>(),
            Delta = delta.View<R>(),
            Sink = (sums ?? x.Qkv).View<R>(),
            HasSink = sums is null ? 0 : 1,
            Members = chunk,
            Plan = WindowViews.Plan<R>(layout, x.Table, x.Qkv),
            Scale = R.Of(1 / Math.Sqrt(layout.Dim)),
            Instances = layout.Windows,
            Heads = layout.Heads,
            Queries = n,
            Keys = n,
            Dim = layout.Dim,
        };
        AttentionBackwardGpu.Launch(device, args);
        if (padRows is not null) { CopyOp.Into(d.Pad!, ReduceOp.Run<SumReducer>("sum", padRows, [0]).Reshape(c3)); }
        if (sums is null) { return; }
        var total = ReduceOp.Run<SumReducer>("sum", sums, [0]);
        var fold = new WindowGpu.Args<R> { Layout = layout, Sums = total.View<R>(), Table = d.Table!.View<R>() };
        device.LaunchElements(WindowGpu.FoldTable, (long)layout.TableRows * layout.Heads, fold);
    }

    private (int Chunk, int Chunks) Chunks(long bytesPerHead)
    {
        var most = (int)Math.Clamp(MaxSinkBytes / (bytesPerHead * layout.Heads), 4, MaxChunks);
        var chunk = (layout.Windows + most - 1) / most;
        return (chunk, (layout.Windows + chunk - 1) / chunk);
    }
}

/// <summary>Parts of the packed map as rows for the GPU kernels: a token's place comes from the plan, so instances add
/// nothing.</summary>
internal static class WindowViews
{
    public static GpuRows<R> Part<R>(Tensor packed, int part, WindowLayout layout) where R : unmanaged
    {
        using var noGrad = GradMode.NoGrad();
        using var view = TensorScope.Release(packed.Slice(packed.Rank - 1, part * layout.Channels, layout.Channels));
        _ = checked((int)packed.Count);
        return new() { Data = view.View<R>(), Head = layout.Dim, Token = 3 * layout.Channels };
    }

    public static GpuRows<R> Output<R>(Tensor y, WindowLayout layout)
        where R : unmanaged => new() { Data = y.View<R>(), Head = layout.Dim, Token = layout.Channels };

    public static WindowPlan<R> Plan<R>(WindowLayout layout, Tensor? table, Tensor dummy) where R : unmanaged, IReal<R> =>
        new()
        {
            Layout = layout,
            Table = (table ?? dummy).View<R>(),
            HasTable = table is null ? 0 : 1,
            Middle = layout.TableRows / 2,
        };
}
