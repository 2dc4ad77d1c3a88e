using FlorenceKernels.Runtime;

namespace FlorenceKernels.Tensors;

public sealed partial class Tensor
{
    /// <summary>This tensor in another element type; itself when it has that type. Differentiable between floating types.</summary>
    public Tensor To(DType dtype)
    {
        if (dtype == DType) { return this; }
        var y = CastOp.Run(this, dtype);
        // An integer result that is recorded (ArgMax) stays in the graph, so that asking for a gradient through it fails.
        return dtype.IsFloat() && (DType.IsFloat() || GradFn is not null) ? Tape.Record(y, new CastGrad(DType), this) : y;
    }

    /// <summary>This tensor on another device; itself when it is there. Differentiable; passes through the host.</summary>
    public Tensor To(Device device)
    {
        if (ReferenceEquals(device, Device)) { return this; }
        using var dense = ContiguousUntracked();
        var y = Empty(Shape, DType, device);
        var bytes = new byte[Count * DType.Size()];
        Device.CopyToHost(dense._storage, dense.Offset * DType.Size(), bytes);
        device.CopyFromHost(y._storage, 0, bytes);
        return Tape.Record(y, new MoveGrad(Device), this);
    }

    private sealed class CastGrad(DType from) : GradFn
    {
        public override string Name => "cast";

        protected internal override Tensor?[] Backward(Tensor dy) => [dy.To(from)];
    }

    private sealed class MoveGrad(Device from) : GradFn
    {
        public override string Name => "to";

        protected internal override Tensor?[] Backward(Tensor dy) => [dy.To(from)];
    }
}
