using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>What the rows of one rank know after their panels passed.</summary>
/// <param name="RowLse">log Σ_j e^{s_ij} of each row [b].</param> <param name="RowPositive">Mean cosine of each row's positives
/// [b].</param>
/// <param name="ColumnMax">Largest cosine of each column over these rows [B, padded].</param>
/// <param name="ColumnSum">Σ_i e^{s_ij − τ·ColumnMax_j} over these rows [B, padded].</param>
internal sealed record PairStatistics(Tensor RowLse, Tensor RowPositive, Tensor ColumnMax, Tensor ColumnSum);

/// <summary>Rows [b, D] against columns [B, D]; row i is pair RowOffset + i of the B pairs that the classes describe. On one
/// device b = B and the offset is 0. Over R ranks the columns are gathered and each rank takes its own rows: (1) <see
/// cref="Statistics"/>; (2) ranks merge ColumnMax by maximum and ColumnSum rescaled to it, the only exchange of the forward; (3)
/// <see cref="ContrastiveFinish"/> gives each rank its share of both sums; (4) <see cref="Gradients"/> gives the rank's whole
/// row gradient and its summand of the column gradient, which ranks reduce-scatter. So s is computed once per pair of
/// ranks.</summary>
internal sealed record ContrastivePairs(Tensor Rows, Tensor Columns, Tensor LogScale, LabelClasses Classes, int RowOffset)
{
    /// <summary>Panels have at most this many rows: one K block of the product that sums column gradients.</summary>
    private const int MaxPanelRows = 384;

    private const int MinPanelRows = 64;

    /// <summary>Elements between rows of a panel. On the CPU an odd number of cache lines, so that a column does not fall into
    /// one cache set.</summary>
    public int Pitch => Columns.Device.IsCpu ? (Columns.Shape[0] + 31) / 32 * 32 + 16 : Columns.Shape[0];

    // The panel is no larger than the operands, or than 64 rows.
    private int PanelRows => Math.Min(Rows.Shape[0], Math.Clamp(Rows.Shape[1], MinPanelRows, MaxPanelRows));

    /// <summary>Row and column statistics, panel by panel in order.</summary>
    public PairStatistics Statistics()
    {
        using var scope = TensorScope.Begin();
        int b = Rows.Shape[0], padded = Pitch;
        var s = new PairStatistics(
            scope.Keep(Tensor.EmptyLike(Rows, [b])), scope.Keep(Tensor.EmptyLike(Rows, [b])),
            scope.Keep(Tensor.Full([padded], Lowest, Rows.DType, Rows.Device)),
            scope.Keep(Tensor.Zeros([padded], Rows.DType, Rows.Device)));
        var panel = Panel();
        for (var first = 0; first < b; first += panel.Shape[0])
        {
            var part = Similarities(panel, first);
            Kernel.Run(Rows, new PanelStatistics(this, part, first, s));
        }

        return s;
    }

    /// <summary>dL'/drows [b, D] and this rank's part of dL'/dcolumns [B, D], of the vectors as they are given (of unit
    /// length); null where not needed.</summary>
    public (Tensor? Rows, Tensor? Columns) Gradients(
        Tensor rowLse, Tensor columnLse, Tensor dLoss, bool needsRows = true, bool needsColumns = true)
    {
        using var scope = TensorScope.Begin();
        var dRows = needsRows ? scope.Keep(Tensor.EmptyLike(Rows)) : null;
        var dColumns = needsColumns ? scope.Keep(Tensor.EmptyLike(Columns)) : null;
        var panel = Panel();
        for (var first = 0; first < Rows.Shape[0]; first += panel.Shape[0])
        {
            var part = Similarities(panel, first);
            var count = part.Shape[0];
            Kernel.Run(Rows, new PanelGradient(this, part, first, rowLse, columnLse, dLoss));
            if (dRows is not null) { Multiply(dRows.Slice(0, first, count), part, Columns, adds: false); }
            if (dColumns is not null) { Multiply(dColumns, part.T(), Rows.Slice(0, first, count), adds: first > 0); }
        }

        return (dRows, dColumns);
    }

    /// <summary>Below every cosine and product, but finite, so that differences with it are.</summary>
    internal const double Lowest = -1e30;

    /// <summary>A panel and its rows' classes as the CPU kernels take them.</summary>
    internal unsafe PanelCpu<T> Cpu<T>(Tensor panel, int first) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new(panel.Pointer<T>(), first, panel.Shape[0], panel.Shape[1], Pitch, T.Exp(*LogScale.Pointer<T>()),
            Classes.Ids.Pointer<int>() + RowOffset + first, Classes.Members, Classes.Starts);

    /// <summary>The same for the GPU kernels; views a kernel does not name are the panel.</summary>
    internal ContrastiveGpu.Args<R> Gpu<R>(Tensor panel, int first) where R : unmanaged, IReal<R>
    {
        var all = panel.View<R>();
        return new ContrastiveGpu.Args<R>
        {
            Panel = all,
            RowLse = all,
            RowPositive = all,
            ColumnMax = all,
            ColumnSum = all,
            ColumnLse = all,
            Sums = all,
            Loss = all,
            LogScale = LogScale.View<R>(),
            Ids = Classes.Ids.View<int>(),
            Counts = Classes.Counts.View<int>(),
            First = first,
            Rows = panel.Shape[0],
            Columns = Columns.Shape[0],
            RowOffset = RowOffset,
        };
    }

    private Tensor Panel() => Tensor.Zeros([PanelRows, Pitch], Rows.DType, Rows.Device);

    // Cosines of the rows from first on with all columns, [rows, B] inside the panel.
    private Tensor Similarities(Tensor panel, int first)
    {
        var count = Math.Min(panel.Shape[0], Rows.Shape[0] - first);
        var part = panel.Slice(0, 0, count).Slice(1, 0, Columns.Shape[0]);
        Multiply(part, Rows.Slice(0, first, count), Columns.T(), adds: false);
        return part;
    }

    private static void Multiply(Tensor y, Tensor a, Tensor b, bool adds) => Kernel.Run(y, new ProductInto(y, a, b, adds));
}

/// <summary>y (+)= a·b of matrices with any strides, by the shared matrix product.</summary>
internal readonly struct ProductInto(Tensor y, Tensor a, Tensor b, bool adds) : IOpKernel
{
    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Gemm.Run(new GemmArgs<T>
    {
        M = y.Shape[0],
        N = y.Shape[1],
        K = a.Shape[1],
        Batch = 1,
        Alpha = T.One,
        Beta = adds ? T.One : T.Zero,
        A = a.Pointer<T>(),
        ARow = a.Strides[0],
        ACol = a.Strides[1],
        B = b.Pointer<T>(),
        BRow = b.Strides[0],
        BCol = b.Strides[1],
        C = y.Pointer<T>(),
        CRow = y.Strides[0],
    });

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
    {
        using var scope = TensorScope.Begin();
        var product = adds ? Tensor.EmptyLike(y) : y;
        new GemmLaunch(product, a, b).Gpu<R>(device);
        if (adds) { CopyOp.AddInPlace(y, product); }
    }
}

/// <summary>Updates the statistics with one panel of cosines.</summary>
internal readonly struct PanelStatistics(ContrastivePairs pairs, Tensor panel, int first, PairStatistics s) : IOpKernel
{
    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, PanelStatisticsCpu<T>>(
        new(pairs.Cpu<T>(panel, first), s.RowLse.Pointer<T>(), s.RowPositive.Pointer<T>(), s.ColumnMax.Pointer<T>(),
            s.ColumnSum.Pointer<T>()));

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
    {
        var args = pairs.Gpu<R>(panel, first);
        (args.RowLse, args.RowPositive) = (s.RowLse.View<R>(), s.RowPositive.View<R>());
        (args.ColumnMax, args.ColumnSum) = (s.ColumnMax.View<R>(), s.ColumnSum.View<R>());
        device.LaunchGroups(ContrastiveGpu.RowPerGroup, args.Rows, args);
        device.LaunchElements(ContrastiveGpu.ColumnPerThread, args.Columns, args);
    }
}

/// <summary>Cosines of a panel → dL'/dcosine, in place.</summary>
internal readonly struct PanelGradient(
    ContrastivePairs pairs, Tensor panel, int first, Tensor rowLse, Tensor columnLse, Tensor dLoss) : IOpKernel
{
    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T> => Simd.Run<T, PanelGradientCpu<T>>(
        new(pairs.Cpu<T>(panel, first), rowLse.Pointer<T>(), columnLse.Pointer<T>(), dLoss.Pointer<T>()));

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
    {
        var args = pairs.Gpu<R>(panel, first);
        (args.RowLse, args.ColumnLse, args.Loss) = (rowLse.View<R>(), columnLse.View<R>(), dLoss.View<R>());
        device.LaunchElements(ContrastiveGpu.GradientPerThread, (long)args.Rows * args.Columns, args);
    }
}

/// <summary>Statistics, merged over ranks → column log-sum-exps, the rank's shares of L_i2t and L_t2i (of its rows and the
/// columns of the same pairs) and of L'.</summary>
internal readonly struct ContrastiveFinish(ContrastivePairs pairs, PairStatistics s, Tensor columnLse, Tensor sums, Tensor loss)
    : IOpKernel
{
    public unsafe void Cpu<T>() where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // The same products as in the log-sum-exps: a lone pair has loss 0, not a rounding error.
        var tau = T.Exp(*pairs.LogScale.Pointer<T>());
        T* max = s.ColumnMax.Pointer<T>(), sum = s.ColumnSum.Pointer<T>(), lse = columnLse.Pointer<T>();
        for (var j = 0; j < pairs.Columns.Shape[0]; j++)
        {
            lse[j] = tau * max[j] + T.Log(sum[j]);
        }

        double rows = 0, columns = 0;
        for (var i = 0; i < pairs.Rows.Shape[0]; i++)
        {
            var positive = double.CreateChecked(tau * s.RowPositive.Pointer<T>()[i]);
            rows += double.CreateChecked(s.RowLse.Pointer<T>()[i]) - positive;
            columns += double.CreateChecked(lse[pairs.RowOffset + i]) - positive;
        }

        (sums.Pointer<T>()[0], sums.Pointer<T>()[1]) = (T.CreateChecked(rows), T.CreateChecked(columns));
        *loss.Pointer<T>() = T.CreateChecked((rows + columns) / (2.0 * pairs.Columns.Shape[0]));
    }

    public void Gpu<R>(GpuDevice device) where R : unmanaged, IReal<R>
    {
        var args = pairs.Gpu<R>(pairs.Rows, 0);
        (args.RowLse, args.RowPositive, args.ColumnLse) = (s.RowLse.View<R>(), s.RowPositive.View<R>(), columnLse.View<R>());
        (args.ColumnMax, args.ColumnSum, args.Sums, args.Loss) =
            (s.ColumnMax.View<R>(), s.ColumnSum.View<R>(), sums.View<R>(), loss.View<R>());
        device.Launch(ContrastiveGpu.FinishInOneGroup, 1, device.GroupSize, args);
    }
}
