using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FlorenceKernels.Tensors;
using Xunit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>One product with its own memory: random or integer operands, guard bands around C, and the float64 oracle.</summary>
internal sealed unsafe class GemmCase<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int Guard = 67;       // odd, so that C starts off any vector boundary
    private const double Mark = -77;    // what guards and the gaps between rows hold

    public GemmArgs<T> Args;
    private readonly Random _random;
    private readonly long _bLength, _aLength, _cLength;
    private readonly T* _c, _pre;
    private readonly double[] _before;

    public GemmCase(
        int m, int n, int k, bool transA = false, bool transB = false, int batch = 1, bool broadcastB = false, int gap = 0,
        double alpha = 1, double beta = 0, bool bias = false, GemmActivation activation = GemmActivation.None, bool pre = false,
        bool residual = false, bool integers = false, int seed = 1)
    {
        _random = new Random(seed + 31 * m + 7 * n + k);
        Func<double> draw = integers ? () => _random.Next(-8, 9) : () => _random.NextDouble() * 2 - 1;
        (_aLength, _bLength) = ((long)batch * m * k + gap * (m + k), (long)batch * k * n + gap * (n + k));
        _cLength = (long)batch * (m * (n + gap) + gap);
        Args = new GemmArgs<T>
        {
            M = m,
            N = n,
            K = k,
            Batch = batch,
            Alpha = T.CreateChecked(alpha),
            Beta = T.CreateChecked(beta),
            A = Fill(_aLength, draw),
            B = Fill(_bLength, draw),
            CRow = n + gap,
            CBatch = m * (n + gap) + gap,
        };
        var pad = batch == 1 ? gap : 0;
        (Args.ARow, Args.ACol, Args.ABatch) = (transA ? 1 : k + pad, transA ? m + pad : 1, m * k);
        (Args.BRow, Args.BCol) = (transB ? 1 : n + pad, transB ? k + pad : 1);
        Args.BBatch = broadcastB ? 0 : k * n;
        _c = Fill(_cLength + 2 * Guard, () => Mark);
        _pre = Fill(_cLength + 2 * Guard, () => Mark);
        Args.C = _c + Guard;
        Args.Epilogue.PreActivation = pre ? _pre + Guard : null;
        Args.Epilogue.Bias = bias ? Fill(n, draw) : null;
        Args.Epilogue.Residual = residual ? Fill(_cLength, draw) : null;
        Args.Epilogue.Activation = activation;
        ForEachC((at, _, _, _) => Args.C[at] = beta == 0 ? T.NaN : T.CreateChecked(draw())); // β = 0 must not read C
        _before = ReadC();
    }

    public void Dispose()
    {
        foreach (var p in (ReadOnlySpan<nint>)[(nint)Args.A, (nint)Args.B, (nint)_c, (nint)_pre, (nint)Args.Epilogue.Bias,
            (nint)Args.Epilogue.Residual])
        {
            NativeMemory.Free((void*)p);
        }
    }

    public double[] ReadC()
    {
        var values = new double[_cLength];
        for (var i = 0L; i < _cLength; i++)
        {
            values[i] = ToDouble(Args.C[i]);
        }
        return values;
    }

    /// <summary>Runs the kernel and checks every element of C and the saved z, and that nothing else was written.</summary>
    public void RunAndCheck(bool exact = false)
    {
        Gemm.Run(Args);
        var isWritten = new bool[_cLength];
        ForEachC((at, b, i, j) =>
        {
            isWritten[at] = true;
            var (z, size) = PreActivation(b, i, j, at);
            var y = Activate(z) + (Args.Epilogue.Residual is null ? 0 : ToDouble(Args.Epilogue.Residual[at]));
            // Rounding of a K-term sum: ε·√K times the largest partial sum, with a margin of 4; activations have slopes below
            // 1.2.
            var tolerance = exact ? 0 : 4 * Epsilon * (Math.Sqrt(Args.K + 1) * size + Math.Abs(y) + 1);
            Near(y, Args.C[at], tolerance, $"C[{b}, {i}, {j}]");
            if (Args.Epilogue.PreActivation is not null)
            {
                Near(z, Args.Epilogue.PreActivation[at], tolerance, $"z[{b}, {i}, {j}]");
            }
        });
        for (var i = 0L; i < _cLength + 2 * Guard; i++)
        {
            var isInside = i >= Guard && i < Guard + _cLength && isWritten[i - Guard];
            Assert.True(isInside || _c[i] == T.CreateChecked(Mark), $"written outside C at {i - Guard}");
            Assert.True((isInside && Args.Epilogue.PreActivation is not null) || _pre[i] == T.CreateChecked(Mark),
                $"written outside z at {i - Guard}");
        }
    }

    private static double Epsilon => typeof(T) == typeof(float) ? 5.97e-8 : 1.12e-16;

    private static void Near(double expected, T actual, double tolerance, string what)
    {
        var value = ToDouble(actual);
        Assert.True(
            Math.Abs(value - expected) <= tolerance, $"{what}: expected {expected:R}, got {value:R}, tolerance {tolerance:R}");
    }

    // z and the size that its rounding errors scale with: the largest partial sum, estimated by the result and the root of Σ
    // term².
    private (double Z, double Size) PreActivation(int batch, int i, int j, long at)
    {
        double sum = 0, squares = 0;
        T* a = Args.A + batch * Args.ABatch + i * Args.ARow, b = Args.B + batch * Args.BBatch + j * Args.BCol;
        for (var k = 0; k < Args.K; k++)
        {
            var term = ToDouble(a[k * Args.ACol]) * ToDouble(b[k * Args.BRow]);
            sum += term;
            squares += term * term;
        }
        var (alpha, beta) = (ToDouble(Args.Alpha), ToDouble(Args.Beta));
        var old = beta == 0 ? 0 : beta * _before[at];
        var bias = Args.Epilogue.Bias is null ? 0 : ToDouble(Args.Epilogue.Bias[j]);
        var size = Math.Abs(alpha) * Math.Max(Math.Abs(sum), Math.Sqrt(squares));
        return (alpha * sum + old + bias, size + Math.Abs(old) + Math.Abs(bias));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double ToDouble(T value) =>
        typeof(T) == typeof(float) ? Unsafe.BitCast<T, float>(value) : Unsafe.BitCast<T, double>(value);

    private double Activate(double z) => ActivationOracle.Value(Args.Epilogue.Activation, z);

    private void ForEachC(Action<long, int, int, int> visit)
    {
        for (var b = 0; b < Args.Batch; b++)
        {
            for (var i = 0; i < Args.M; i++)
            {
                for (var j = 0; j < Args.N; j++)
                {
                    visit(b * Args.CBatch + i * Args.CRow + j, b, i, j);
                }
            }
        }
    }

    private static T* Fill(long count, Func<double> draw)
    {
        var memory = (T*)NativeMemory.Alloc((nuint)Math.Max(1, count), (nuint)sizeof(T));
        for (var i = 0L; i < count; i++)
        {
            memory[i] = T.CreateChecked(draw());
        }
        return memory;
    }
}
