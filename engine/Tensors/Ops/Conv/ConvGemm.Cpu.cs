using System.Numerics;

namespace FlorenceKernels.Tensors;

/// <summary>The one door from convolutions to the engine's matrix product.</summary>
internal static unsafe class ConvGemm
{
    /// <summary>C[m, n] = A·B (+ C when <paramref name="add"/>) with A(i, k) at a + i·aRow + k·aCol and B(k, j) at
    /// b + k·bRow + j·bCol.</summary>
    public static void Multiply<T>(int m, int n, int k, T* a, long aRow, long aCol, T* b, long bRow, long bCol, T* c, long cRow,
        bool add)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var args = new GemmArgs<T>
        {
            M = m,
            N = n,
            K = k,
            A = a,
            ARow = aRow,
            ACol = aCol,
            B = b,
            BRow = bRow,
            BCol = bCol,
            C = c,
            CRow = cRow,
            Batch = 1,
            Alpha = T.One,
            Beta = add ? T.One : T.Zero,
        };
        Gemm.Run(args);
    }
}
