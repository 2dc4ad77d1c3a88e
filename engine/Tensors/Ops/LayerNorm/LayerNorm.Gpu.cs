using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// layer_norm of x [N, C], RowPerGroup: one group per row, threads stride over C; mean, then variance of (x − mean), which does not cancel.
// Traffic: forward x in, y out (the row is read again from cache); backward dy and x in, dx out. Memory-bound; floor = bytes / copy bandwidth.
// Parameters, ColumnPerThread: a thread owns one column of one piece of rows; the pieces are summed by a second kernel. No atomics.
internal static class LayerNormGpu
{
    public static void Forward<R>(GpuDevice gpu, Args<R> a) where R : unmanaged, IReal<R> => gpu.LaunchGroups(ForwardRow, a.N, a);

    public static void Backward<R>(GpuDevice gpu, Args<R> a) where R : unmanaged, IReal<R> => gpu.LaunchGroups(BackwardRow, a.N, a);

    public static void Parameters<R>(GpuDevice gpu, Args<R> a, int pieces) where R : unmanaged, IReal<R> =>
        gpu.LaunchElements(PieceColumn, (long)pieces * a.C, a with { Pieces = pieces });

    internal static void ForwardRow<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var shared = SharedMemory.Allocate<R>(GroupTree.Size);
        for (var row = Grid.IdxX; row < a.N; row += Grid.DimX)
        {
            var start = row * a.C;
            var sum = R.Of(0);
            for (var i = Group.IdxX; i < a.C; i += Group.DimX) { sum += a.X[start + i]; }
            var mean = GroupTree.Sum(shared, 0, sum) * a.PerC;
            sum = R.Of(0);
            for (var i = Group.IdxX; i < a.C; i += Group.DimX)
            {
                var d = a.X[start + i] - mean;
                sum += d * d;
            }

            var rstd = R.Of(1) / R.Sqrt(GroupTree.Sum(shared, 1, sum) * a.PerC + a.Eps);
            for (var i = Group.IdxX; i < a.C; i += Group.DimX)
            {
                var value = (a.X[start + i] - mean) * rstd;
                if (a.HasGamma != 0) { value *= a.Gamma[i]; }
                if (a.HasBeta != 0) { value += a.Beta[i]; }
                a.Y[start + i] = value;
            }

            if (Group.IdxX == 0)
            {
                a.Mean[row] = mean;
                a.Rstd[row] = rstd;
            }
        }
    }

    // Beta holds dy, Y receives dx.
    internal static void BackwardRow<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        var shared = SharedMemory.Allocate<R>(GroupTree.Size);
        for (var row = Grid.IdxX; row < a.N; row += Grid.DimX)
        {
            var start = row * a.C;
            R mean = a.Mean[row], rstd = a.Rstd[row], sum = R.Of(0), dot = R.Of(0);
            for (var i = Group.IdxX; i < a.C; i += Group.DimX)
            {
                var g = a.Beta[start + i];
                if (a.HasGamma != 0) { g *= a.Gamma[i]; }
                sum += g;
                dot += g * (a.X[start + i] - mean) * rstd;
            }

            sum = GroupTree.Sum(shared, 0, sum) * a.PerC;
            dot = GroupTree.Sum(shared, 1, dot) * a.PerC;
            for (var i = Group.IdxX; i < a.C; i += Group.DimX)
            {
                var g = a.Beta[start + i];
                if (a.HasGamma != 0) { g *= a.Gamma[i]; }
                a.Y[start + i] = rstd * (g - sum - (a.X[start + i] - mean) * rstd * dot);
            }
        }
    }

    internal static void PieceColumn<R>(Args<R> a) where R : unmanaged, IReal<R>
    {
        for (var t = Grid.IdxX * Group.DimX + Group.IdxX; t < a.Pieces * a.C; t += Grid.DimX * Group.DimX)
        {
            var piece = t / a.C;
            var column = t - piece * a.C;
            var end = (piece + 1) * a.RowsPerPiece;
            if (end > a.N) { end = a.N; }
            R dGamma = R.Of(0), dBeta = R.Of(0);
            for (var row = piece * a.RowsPerPiece; row < end; row++)
            {
                var i = row * a.C + column;
                var g = a.Beta[i];
                dGamma += g * (a.X[i] - a.Mean[row]) * a.Rstd[row];
                dBeta += g;
            }

            a.DGamma[t] = dGamma;
            a.DBeta[t] = dBeta;
        }
    }

    internal struct Args<R> where R : unmanaged
    {
        public ArrayView<R> X, Gamma, Beta, Y, Mean, Rstd; // X, Y [N, C]; Gamma [C]; Beta [C], backward: dy [N, C]; Mean, Rstd [N]
        public ArrayView<R> DGamma, DBeta;                 // [Pieces, C]
        public R Eps, PerC;
        public int N, C, HasGamma, HasBeta, RowsPerPiece, Pieces;
    }
}
