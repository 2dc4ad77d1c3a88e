using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

// C[M, N] = act(A·B + bias) per batch, any strides for A and B: which kernel makes it.
// RegisterTile4x4, for results of at most 16 rows or columns or fewer than 8 products each, where most of a shared tile would
// be waste: one thread makes 4×4 elements in named registers (ILGPU 1.5.3 neither unrolls nor keeps indexed arrays in
// registers); per inner step 8 loads feed 16 multiply-adds, neighbouring threads read neighbouring columns. Rows and columns
// past the edge repeat the last one and are not stored, so nothing is read out of bounds.
// Ladder, sectors of 32 bytes over those of operands and result once at 256³ (emulator): ElementPerThread (2 loads per
// multiply-add) → RegisterTile4x4 92 → shared tiles (GemmTiled.Gpu.cs).
internal static class GemmGpu
{
    /// <summary>The product.</summary>
    /// <param name="gpu">Device.</param> <param name="g">Operands.</param>
    /// <param name="activation">Applied to the product and bias.</param> <param name="isAligned">Whether both operands' views
    /// start at multiples of
    /// four elements of their memory.</param>
    public static void Launch<R>(GpuDevice gpu, in Args<R> g, Activation activation, bool isAligned)
        where R : unmanaged, IReal<R>
    {
        var sizes = new GemmSizes(g.Batch, g.M, g.N, g.K);
        if (!GemmTiled.Suits(sizes))
        {
            RegisterTiles(gpu, g, activation);
            return;
        }

        var output = new GemmOutput<R>
        {
            C = g.C,
            Bias = g.Bias,
            Pre = g.Pre,
            M = g.M,
            N = g.N,
            CBatch = g.CBatch,
            HasBias = g.HasBias,
            HasPre = g.HasPre,
            Activation = (int)activation,
        };
        var a = new StridedSource<R>
        {
            View = g.A,
            LineStride = g.ARow,
            InnerStride = g.ACol,
            BatchStride = g.ABatch,
            LastLine = g.M - 1,
            LastInner = g.K - 1,
        };
        var b = new StridedSource<R>
        {
            View = g.B,
            LineStride = g.BCol,
            InnerStride = g.BRow,
            BatchStride = g.BBatch,
            LastLine = g.N - 1,
            LastInner = g.K - 1,
        };
        var precision = gpu.Float32MatMulPrecision;
        if (a is StridedSource<G32> a32 && b is StridedSource<G32> b32 && output is GemmOutput<G32> output32
            && precision != MatMulPrecision.Highest)
        {
            OnMatrixUnits(gpu, precision, (a32, isAligned && a32.IsVector), (b32, isAligned && b32.IsVector), output32, sizes);
        }
        else if (isAligned && a.IsVector && b.IsVector) { GemmTiled.Run(gpu, a.Vector(), b.Vector(), output, sizes); }
        else { GemmTiled.Run(gpu, a.Scalar(), b.Scalar(), output, sizes); }
    }

    private static void OnMatrixUnits(GpuDevice gpu, MatMulPrecision precision,
        (StridedSource<G32> Source, bool IsVector) a,
        (StridedSource<G32> Source, bool IsVector) b, in GemmOutput<G32> output, in GemmSizes sizes)
    {
        if (precision == MatMulPrecision.High) { OnMatrixUnits<Tf32>(gpu, a, b, output, sizes); }
        else { OnMatrixUnits<Bf16>(gpu, a, b, output, sizes); }
    }

    private static void OnMatrixUnits<TType>(GpuDevice gpu, (StridedSource<G32> Source, bool IsVector) a,
        (StridedSource<G32> Source, bool IsVector) b, in GemmOutput<G32> output, in GemmSizes sizes) where TType : struct, IMmaType
    {
        bool isVectorA = a.IsVector && a.Source.InnerStride == 1, isVectorB = b.IsVector && b.Source.InnerStride == 1;
        if (isVectorA && isVectorB) { Run(a.Source.MmaVector(), b.Source.MmaVector(), output, sizes); }
        else if (isVectorA) { Run(a.Source.MmaVector(), b.Source.MmaScalar(), output, sizes); }
        else if (isVectorB) { Run(a.Source.MmaScalar(), b.Source.MmaVector(), output, sizes); }
        else { Run(a.Source.MmaScalar(), b.Source.MmaScalar(), output, sizes); }

        void Run<TA, TB>(TA left, TB right, in GemmOutput<G32> to, in GemmSizes of)
            where TA : struct, IMmaStage<TA> where TB : struct, IMmaStage<TB> =>
            GemmMma.Run<TA, TB, TType>(gpu, left, right, to, of);
    }

    private static void RegisterTiles<R>(GpuDevice gpu, in Args<R> g, Activation activation) where R : unmanaged, IReal<R>
    {
        var tiles = checked((long)g.Batch * ((g.M + 3) / 4) * ((g.N + 3) / 4));
        switch (activation)
        {
            case Activation.GeluErf: gpu.LaunchElements(RegisterTile4x4<GeluErf, R>, tiles, g); break;
            case Activation.GeluTanh: gpu.LaunchElements(RegisterTile4x4<GeluTanh, R>, tiles, g); break;
            case Activation.QuickGelu: gpu.LaunchElements(RegisterTile4x4<QuickGelu, R>, tiles, g); break;
            default: gpu.LaunchElements(RegisterTile4x4<Same, R>, tiles, g); break;
        }
    }

    internal static void RegisterTile4x4<TAct, R>(Args<R> g) where TAct : struct, IUnaryOp where R : unmanaged, IReal<R>
    {
        int columns = (g.N + 3) / 4, rows = (g.M + 3) / 4, perBatch = columns * rows;
        for (var tile = Grid.IdxX * Group.DimX + Group.IdxX; tile < perBatch * g.Batch; tile += Grid.DimX * Group.DimX)
        {
            var batch = tile / perBatch;
            var inBatch = tile - batch * perBatch;
            var row = inBatch / columns;
            Tile<TAct, R>(g, batch, row * 4, (inBatch - row * columns) * 4);
        }
    }

    private static void Tile<TAct, R>(Args<R> g, int batch, int m, int n) where TAct : struct, IUnaryOp where R : unmanaged, IReal<R>
    {
        int lastM = g.M - 1, lastN = g.N - 1, a = batch * g.ABatch, b = batch * g.BBatch;
        int a0 = a + m * g.ARow, a1 = a + Least(m + 1, lastM) * g.ARow, a2 = a + Least(m + 2, lastM) * g.ARow, a3 = a + Least(m + 3, lastM) * g.ARow;
        int b0 = b + n * g.BCol, b1 = b + Least(n + 1, lastN) * g.BCol, b2 = b + Least(n + 2, lastN) * g.BCol, b3 = b + Least(n + 3, lastN) * g.BCol;
        R zero = R.Of(0), c00 = zero, c01 = zero, c02 = zero, c03 = zero, c10 = zero, c11 = zero, c12 = zero, c13 = zero;
        R c20 = zero, c21 = zero, c22 = zero, c23 = zero, c30 = zero, c31 = zero, c32 = zero, c33 = zero;
        for (var k = 0; k < g.K; k++)
        {
            int ka = k * g.ACol, kb = k * g.BRow;
            R x0 = g.A[a0 + ka], x1 = g.A[a1 + ka], x2 = g.A[a2 + ka], x3 = g.A[a3 + ka];
            R y0 = g.B[b0 + kb], y1 = g.B[b1 + kb], y2 = g.B[b2 + kb], y3 = g.B[b3 + kb];
            c00 = R.MultiplyAdd(x0, y0, c00); c01 = R.MultiplyAdd(x0, y1, c01); c02 = R.MultiplyAdd(x0, y2, c02); c03 = R.MultiplyAdd(x0, y3, c03);
            c10 = R.MultiplyAdd(x1, y0, c10); c11 = R.MultiplyAdd(x1, y1, c11); c12 = R.MultiplyAdd(x1, y2, c12); c13 = R.MultiplyAdd(x1, y3, c13);
            c20 = R.MultiplyAdd(x2, y0, c20); c21 = R.MultiplyAdd(x2, y1, c21); c22 = R.MultiplyAdd(x2, y2, c22); c23 = R.MultiplyAdd(x2, y3, c23);
            c30 = R.MultiplyAdd(x3, y0, c30); c31 = R.MultiplyAdd(x3, y1, c31); c32 = R.MultiplyAdd(x3, y2, c32); c33 = R.MultiplyAdd(x3, y3, c33);
        }

        var c = batch * g.CBatch;
        StoreRow<TAct, R>(g, c, m, n, c00, c01, c02, c03);
        StoreRow<TAct, R>(g, c, m + 1, n, c10, c11, c12, c13);
        StoreRow<TAct, R>(g, c, m + 2, n, c20, c21, c22, c23);
        StoreRow<TAct, R>(g, c, m + 3, n, c30, c31, c32, c33);
    }

    private static void StoreRow<TAct, R>(Args<R> g, int c, int m, int n, R z0, R z1, R z2, R z3)
        where TAct : struct, IUnaryOp where R : unmanaged, IReal<R>
    {
        if (m >= g.M) { return; }
        var at = c + m * g.N + n;
        Store<TAct, R>(g, at, n, z0);
        if (n + 1 < g.N) { Store<TAct, R>(g, at + 1, n + 1, z1); }
        if (n + 2 < g.N) { Store<TAct, R>(g, at + 2, n + 2, z2); }
        if (n + 3 < g.N) { Store<TAct, R>(g, at + 3, n + 3, z3); }
    }

    private static void Store<TAct, R>(Args<R> g, int at, int n, R z) where TAct : struct, IUnaryOp where R : unmanaged, IReal<R>
    {
        if (g.HasBias != 0) { z += g.Bias[n]; }
        if (g.HasPre != 0) { g.Pre[at] = z; }
        g.C[at] = TAct.F(z, R.Of(1), R.Of(0));
    }

    private static int Least(int a, int b) => a < b ? a : b;

    /// <summary>No activation.</summary>
    private readonly struct Same : IUnaryOp
    {
        public static string Name => "none";

        public static Needs BackwardNeeds => Needs.Nothing;

        public static R F<R>(R x, R p, R q) where R : struct, IReal<R> => x;

        public static R Df<R>(R saved, R p, R q) where R : struct, IReal<R> => R.Of(1);
    }

    internal struct Args<R> where R : unmanaged, IReal<R>
    {
        public ArrayView<R> A, B, C, Bias, Pre;
        public int M, N, K, Batch, ARow, ACol, ABatch, BRow, BCol, BBatch, CBatch, HasBias, HasPre;
    }
}
