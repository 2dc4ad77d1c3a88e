namespace FlorenceKernels.Tensors;

/// <summary>Activation of a fused epilogue. Formulas: <see cref="GemmMath{TL,TV,T}"/>.</summary>
internal enum GemmActivation
{
    None,
    GeluErf,
    GeluTanh,
    QuickGelu,
}

/// <summary>What happens to a finished element z = α·A·B + β·C: z += bias[column]; save z; y = act(z); C = y +
/// residual.</summary>
internal unsafe struct GemmEpilogue<T>
    where T : unmanaged
{
    /// <summary>[N] or null; shared by all matrices of a batch.</summary>
    public T* Bias;

    public GemmActivation Activation;

    /// <summary>Null, or laid out like C (row and batch strides included): receives z for the backward pass.</summary>
    public T* PreActivation;

    /// <summary>Null, or laid out like C: added last. It must not overlap C (use β = 1 to add in place).</summary>
    public T* Residual;

    public readonly bool IsEmpty =>
        Bias is null && PreActivation is null && Residual is null && Activation == GemmActivation.None;
}

/// <summary>
/// C[M, N] = epilogue(α·A[M, K]·B[K, N] + β·C) for each matrix of a batch. Any strides are read in place:
/// element (i, k) of A is A[i·ARow + k·ACol], element (k, j) of B is B[k·BRow + j·BCol], element (i, j) of C is C[i·CRow + j].
/// A batch stride of zero broadcasts the operand. β = 0 never reads C. C must not overlap A or B. All strides are in elements.
/// </summary>
internal unsafe struct GemmArgs<T>
    where T : unmanaged
{
    public int M, N, K;
    public T* A;
    public long ARow, ACol, ABatch;
    public T* B;
    public long BRow, BCol, BBatch;
    public T* C;
    public long CRow, CBatch;
    public int Batch;
    public T Alpha, Beta;
    public GemmEpilogue<T> Epilogue;

    private const long StreamBytes = 16 << 20; // half an L3: a larger C is gone before its reader comes

    /// <summary>Set by the plan: C is written past the caches, which saves reading its lines first.</summary>
    public bool StreamsC;

    /// <summary>Null, or B already in panels by <see cref="GemmBlock{TL,TV,T}.PackShared"/>; this part starts at PackedColumn
    /// of it.</summary>
    public T* PackedB;

    public int PackedColumn, PackedN;

    /// <summary>Bytes of a block of K, set for the whole problem.</summary>
    public int InnerBytes;

    /// <summary>Whether C is large, and each of its vectors aligned.</summary>
    public readonly bool ShouldStreamC =>
        (long)M * N * Batch * sizeof(T) > StreamBytes && ((long)C | CRow * sizeof(T) | CBatch * sizeof(T)) % 64 == 0;

    /// <summary>The sub-problem of rows [m, m + rows), columns [n, n + columns) and inner [k, k + inner) of one matrix.</summary>
    public readonly GemmArgs<T> Part(int batch, int m, int rows, int n, int columns, int k, int inner)
    {
        var part = this;
        (part.M, part.N, part.K, part.Batch) = (rows, columns, inner, 1);
        var offset = batch * CBatch + m * CRow + n;
        part.A += batch * ABatch + m * ARow + k * ACol;
        part.B += batch * BBatch + k * BRow + n * BCol;
        part.C += offset;
        part.PackedColumn += n;
        part.Epilogue.Bias = Epilogue.Bias is null ? null : Epilogue.Bias + n;
        part.Epilogue.PreActivation = Epilogue.PreActivation is null ? null : Epilogue.PreActivation + offset;
        part.Epilogue.Residual = Epilogue.Residual is null ? null : Epilogue.Residual + offset;
        return part;
    }
}
