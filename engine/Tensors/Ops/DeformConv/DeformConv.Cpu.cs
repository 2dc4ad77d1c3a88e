using System;
using System.Numerics;
using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

// DeformConv, SampledRows: panels of one image's positions are sampled into rows [positions, (group, tap, C/groups)] from x with
// its channels last, so that the corners of a sample are four runs of neighbours; then
//   y[O, P] = W·rowsᵀ        dW += g·rows        Γ rows = gᵀ·W, from which the slopes of a sample are four dot products and dx
// gets each sample's share by runs of channels that belong to one task each: no atomics, positions always in order.
// Ladder, [1, 256, 50, 84], 3×3, f32, processor time of forward; forward and backward (Conv2d of that size: 60; 161 ms):
//   PlaneColumns, a scalar gather per channel, tap and position          140 ms      (libtorch's grid_sample + matmul: 93; 301)
//   SampledRows, panels of 4 MiB           predicted 75, measured          69; 199
//   panels of 8 MiB: W is packed less often        66,                     61; 196   (512 KiB, within L2: 78; 240)
//   no divisions per run, corners added at once    60; 185,                63; 190   (dx alone 137 → 127)
//   rows·Wᵀ, then turned, packs less               60,                     70        (dropped: turning costs more)
// What remains beside the three products is about 5 ms forward and 25 ms backward.
internal readonly unsafe struct DeformConvCpu<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int PanelBytes = 8 << 20; // a quarter of an L3

    private readonly DeformGeometry _g;
    private readonly T* _x, _weight, _zeros, _offset, _mask;

    /// <param name="g">Sizes.</param> <param name="x">[B, H, W, C].</param> <param name="weight">[O, taps, C/groups].</param>
    /// <param name="zeros">[C] zeros.</param>
    /// <param name="offset">As given.</param> <param name="mask">As given, or null.</param>
    public DeformConvCpu(DeformGeometry g, T* x, T* weight, T* zeros, T* offset, T* mask)
    {
        _g = g;
        _x = x;
        _weight = weight;
        _zeros = zeros;
        _offset = offset;
        _mask = mask;
    }

    public void Forward(T* y)
    {
        using var memory = new Memory(_g);
        for (var image = 0; image < _g.Batch; image++)
        {
            for (var first = 0; first < _g.Positions; first += memory.Size)
            {
                var panel = Panel(memory, image, first);
                panel.Fill();
                Multiply(panel, y);
            }
        }
    }

    /// <param name="dy">Gradient of y.</param> <param name="dx">[B, H, W, C] zeros, or null.</param>
    /// <param name="dOffset">Zeros, or null.</param> <param name="dMask">Zeros, or null.</param>
    /// <param name="dw">[O, taps, C/groups], or null.</param>
    public void Backward(T* dy, T* dx, T* dOffset, T* dMask, T* dw)
    {
        using var memory = new Memory(_g);
        for (var image = 0; image < _g.Batch; image++)
        {
            for (var first = 0; first < _g.Positions; first += memory.Size)
            {
                var panel = Panel(memory, image, first);
                if (dw is not null)
                {
                    panel.Fill();
                    Correlate(panel, dy, dw, isFirst: image == 0 && first == 0);
                }

                if (dx is null && dOffset is null && dMask is null) { continue; }
                Spread(panel, dy);
                panel.Slopes(dOffset, dMask);
                if (dx is not null) { panel.Scatter(dx); }
            }
        }
    }

    private DeformPanel<T> Panel(Memory memory, int image, int first)
    {
        var panel = new DeformPanel<T>(_g, image, first, Math.Min(memory.Size, _g.Positions - first), _x, _zeros, memory.Taps,
            memory.Rows);
        panel.Locate(_offset, _mask);
        return panel;
    }

    // y = W·rowsᵀ.
    private void Multiply(in DeformPanel<T> panel, T* y)
    {
        for (var group = 0; group < _g.Groups; group++)
        {
            var first = group * _g.GroupOutputs;
            ConvGemm.Multiply(_g.GroupOutputs, panel.Count, _g.Depth, _weight + (long)first * _g.Depth, _g.Depth, 1,
                panel.Rows + group * _g.Depth, 1, _g.RowLength, y + Output(panel, first), _g.Positions, add: false);
        }
    }

    // dW += g·rows.
    private void Correlate(in DeformPanel<T> panel, T* dy, T* dw, bool isFirst)
    {
        for (var group = 0; group < _g.Groups; group++)
        {
            var first = group * _g.GroupOutputs;
            ConvGemm.Multiply(_g.GroupOutputs, _g.Depth, panel.Count, dy + Output(panel, first), _g.Positions, 1,
                panel.Rows + group * _g.Depth, _g.RowLength, 1, dw + (long)first * _g.Depth, _g.Depth, add: !isFirst);
        }
    }

    // rows = gᵀ·W.
    private void Spread(in DeformPanel<T> panel, T* dy)
    {
        for (var group = 0; group < _g.Groups; group++)
        {
            var first = group * _g.GroupOutputs;
            ConvGemm.Multiply(panel.Count, _g.Depth, _g.GroupOutputs, dy + Output(panel, first), 1, _g.Positions,
                _weight + (long)first * _g.Depth, _g.Depth, 1, panel.Rows + group * _g.Depth, _g.RowLength,
                add: false);
        }
    }

    private long Output(in DeformPanel<T> panel, int channel) =>
        ((long)panel.Image * _g.Outputs + channel) * _g.Positions + panel.First;

    // Working memory of one panel, from the caching allocator.
    private sealed class Memory : IDisposable
    {
        private readonly Tensor _rows, _taps;

        public Memory(DeformGeometry g)
        {
            Size = (int)Math.Clamp(PanelBytes / ((long)g.RowLength * sizeof(T)), 1, g.Positions);
            _rows = ConvCpu<T>.Scratch((long)Size * g.RowLength);
            var bytes = checked(Size * g.Fields * sizeof(DeformTap<T>));
            _taps = TensorScope.Release(Tensor.Empty([bytes / sizeof(int)], DType.I32));
        }

        public int Size { get; }

        public T* Rows => _rows.Pointer<T>();

        public DeformTap<T>* Taps => (DeformTap<T>*)_taps.Pointer<int>();

        public void Dispose()
        {
            _rows.Dispose();
            _taps.Dispose();
        }
    }
}
