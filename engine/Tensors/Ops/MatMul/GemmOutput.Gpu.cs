using FlorenceKernels.Runtime;
using ILGPU;

namespace FlorenceKernels.Tensors;

/// <summary>Where products go: C[batch, m, n] = act(z + bias[n]), and z itself where asked; rows of N neighbours, batches
/// CBatch apart.</summary>
internal struct GemmOutput<R> where R : unmanaged, IReal<R>
{
    public ArrayView<R> C, Bias, Pre;
    public int M, N, CBatch, HasBias, HasPre;

    /// <summary>An <see cref="Tensors.Activation"/>.</summary>
    public int Activation;

    /// <summary>Writes every fourth row of a tile from m on, which the group has put to shared memory: neighbouring threads
    /// write neighbouring
    /// columns, whatever rows a thread computed, and the code of bias and activation stands once for all its elements.</summary>
    public readonly void StoreRows<TTile>(ArrayView<Pack4<R>> shared, int start, int m, int n) where TTile : struct, ITile<TTile, R>
    {
        Group.Barrier();
        var elements = shared.Cast<R>();
        for (var e = Group.IdxX; e < TTile.RowsPerPass * TTile.Lines; e += TTile.Threads)
        {
            int row = m + e / TTile.Lines * 4, column = n + (e & (TTile.Lines - 1));
            if (row < M && column < N) { Store(start + row * N + column, column, elements[e]); }
        }

        Group.Barrier();
    }

    public readonly void Store(int at, int n, R z)
    {
        if (HasBias != 0) { z += Bias[n]; }
        if (HasPre != 0) { Pre[at] = z; }
        C[at] = Activate(z);
    }

    // All threads take the same way; a specialisation each would multiply the kernels by four for nothing that the main loop
    // sees.
    private readonly R Activate(R z)
    {
        R one = R.Of(1), zero = R.Of(0);
        if (Activation == (int)Tensors.Activation.GeluErf) { return GeluErf.F(z, one, zero); }
        if (Activation == (int)Tensors.Activation.GeluTanh) { return GeluTanh.F(z, one, zero); }
        if (Activation == (int)Tensors.Activation.QuickGelu) { return QuickGelu.F(z, one, zero); }
        return z;
    }
}
