using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

internal static unsafe class ScanCpu
{
    private const int Grain = 1 << 14;

    public static void Run<TScan, T>(T* x, T* y, int columns, int length, int inner)
        where TScan : struct, IScan
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => CpuThreads.ForRange(columns, Math.Max(1, Grain / length), (from, to) =>
    {
        for (var column = from; column < to; column++)
        {
            var outer = column / inner;
            var start = outer * length * inner + (column - outer * inner);
            TScan.Column<Scalar<T>, Column<T>>(new(x + start), new(y + start), 0, inner, length);
        }
    });

    private readonly struct Column<T>(T* p) : IColumn<Scalar<T>> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public Scalar<T> Read(int index) => Scalar<T>.Load(p + index);

        public void Write(int index, Scalar<T> value) => value.Store(p + index);
    }
}
