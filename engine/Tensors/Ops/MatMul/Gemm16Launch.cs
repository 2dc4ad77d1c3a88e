using FlorenceKernels.Runtime;
using ILGPU.Runtime;

namespace FlorenceKernels.Tensors;

/// <summary>y ← a·b of BF16 tensors on matrix units: sizes, strides and addresses.</summary>
internal readonly struct Gemm16Launch
{
    private const int Group = 8;     // elements of 16 bytes

    private readonly Tensor _y, _a, _b;
    private readonly StridedLoop _loop;
    private readonly bool _alongInnerA, _alongInnerB;

    public Gemm16Launch(Tensor y, Tensor a, Tensor b)
    {
        (_y, _a, _b, _loop) = (y, a, b, GemmLaunch.Batches(y, a, b));
        (_alongInnerA, _alongInnerB) = (a.Strides[^1] == 1, b.Strides[^2] == 1);
        IsPossible = a.Shape[^1] > 0 && IsAligned(a, 1, a.Strides[^2], a.Strides[^1], a.Shape[^2])
            && IsAligned(b, 2, b.Strides[^1], b.Strides[^2], b.Shape[^1]);
    }

    /// <summary>Whether all groups of 8 elements, along k or along lines, are 16 aligned bytes.</summary>
    public bool IsPossible { get; }

    public void Run(GpuDevice device)
    {
        var sizes = new GemmSizes(_loop.Inner, _y.Shape[^2], _y.Shape[^1], _a.Shape[^1]);
        for (long row = 0; row < _loop.Rows; row++)
        {
            var a = Operand(_a, 1, row, (_a.Strides[^2], _a.Strides[^1]), sizes.M, _alongInnerA);
            var b = Operand(_b, 2, row, (_b.Strides[^1], _b.Strides[^2]), sizes.N, _alongInnerB);
            var view = _y.View<ushort>();
            var offset = _loop.RowOffset(0, row);
            var c = new GemmOutput16
            {
                C = view.SubView(offset, view.Length - offset),
                M = sizes.M,
                N = sizes.N,
                CBatch = checked((int)_loop.InnerStride(0)),
            };
            Start(device, a, b, c, sizes);
        }
    }

    private void Start(GpuDevice device, in AsyncOperand a, in AsyncOperand b, in GemmOutput16 c, in GemmSizes sizes)
    {
        if (_alongInnerA && _alongInnerB) { GemmMma16.Run<AlongInner, AlongInner>(device, a, b, c, sizes); }
        else if (_alongInnerA) { GemmMma16.Run<AlongInner, AlongLines>(device, a, b, c, sizes); }
        else if (_alongInnerB) { GemmMma16.Run<AlongLines, AlongInner>(device, a, b, c, sizes); }
        else { GemmMma16.Run<AlongLines, AlongLines>(device, a, b, c, sizes); }
    }

    private bool IsAligned(Tensor t, int operand, long lineStride, long innerStride, int lines)
    {
        var (unit, other, length) = innerStride == 1 ? (innerStride, lineStride, _a.Shape[^1]) : (lineStride, innerStride, lines);
        var aligned = unit == 1 && other % Group == 0 && length % Group == 0 && _loop.InnerStride(operand) % Group == 0;
        for (long row = 0; row < _loop.Rows && aligned; row++) { aligned = (t.Offset + _loop.RowOffset(operand, row)) % Group == 0; }
        return aligned;
    }

    private unsafe AsyncOperand Operand(Tensor t, int operand, long row, (long Line, long Inner) strides, int lines,
        bool alongInner) => new()
        {
            Address = (long)t.View<ushort>().LoadEffectiveAddressAsPtr() + 2 * _loop.RowOffset(operand, row),
            LineStride = alongInner ? checked((int)(strides.Line / Group)) : 1,
            InnerStride = alongInner ? 1 : checked((int)(strides.Inner / Group)),
            BatchStride = checked((int)(_loop.InnerStride(operand) / Group)),
            LastLine = alongInner ? lines - 1 : lines / Group - 1,
            K = _a.Shape[^1],
        };
}
