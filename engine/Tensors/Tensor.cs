using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FlorenceKernels.Runtime;
using ILGPU;
using Half = System.Half;

namespace FlorenceKernels.Tensors;

/// <summary>A strided view of a <see cref="Runtime.Storage"/>, with the place in the autograd graph that made it. A tensor made inside a
/// <see cref="TensorScope"/> ends with the scope unless <see cref="TensorScope.Keep"/> moves it out.</summary>
public sealed partial class Tensor : IDisposable
{
    private readonly Storage _storage;
    private readonly long[] _strides;
    private bool _disposed;
    private bool _requiresGrad;

    internal Tensor(Storage storage, Shape shape, long[] strides, long offset, DType dtype, bool track = true)
    {
        _storage = storage;
        Shape = shape;
        _strides = strides;
        Offset = offset;
        DType = dtype;
        if (track) { TensorScope.Track(this); }
    }

    /// <summary>Sizes of the axes.</summary>
    public Shape Shape { get; }

    /// <summary>Element type.</summary>
    public DType DType { get; }

    /// <summary>Where the elements lie.</summary>
    public Device Device => _storage.Device;

    /// <summary>Number of axes.</summary>
    public int Rank => Shape.Length;

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Count;

    /// <summary>Steps between neighbours along each axis, in elements; 0 along an expanded axis.</summary>
    public ReadOnlySpan<long> Strides => _strides;

    /// <summary>First element's place in the storage, in elements.</summary>
    public long Offset { get; }

    /// <summary>The memory, shared with all views.</summary>
    public Storage Storage => _storage;

    /// <summary>The scope that ends this tensor, or null.</summary>
    internal TensorScope? Scope { get; set; }

    /// <summary>True when the elements lie row-major without gaps.</summary>
    public bool IsContiguous
    {
        get
        {
            long step = 1;
            for (var i = Rank - 1; i >= 0; i--)
            {
                if (Shape[i] == 1) { continue; }
                if (_strides[i] != step) { return Count == 0; }
                step *= Shape[i];
            }

            return true;
        }
    }

    /// <summary>Host address of the first element.</summary>
    /// <exception cref="DTypeException"><typeparamref name="T"/> does not store this element type.</exception>
    public unsafe T* Pointer<T>() where T : unmanaged
    {
        Check.StoredAs<T>(this);
        return (T*)_storage.Pointer + Offset;
    }

    /// <summary>Device view that starts at the first element. <typeparamref name="T"/> may be any type of the element's size, so that kernels
    /// see floats as <see cref="G32"/>.</summary>
    public ArrayView<T> View<T>() where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() != DType.Size()) { throw new DTypeException($"a {DType.Name()} tensor can not be viewed as {typeof(T).Name}"); }
        if (Count == 0) { return default; }
        long extent = 1;
        for (var i = 0; i < Rank; i++) { extent += (Shape[i] - 1) * _strides[i]; }
        var size = DType.Size();
        return _storage.View.SubView(Offset * size, extent * size).Cast<T>();
    }

    /// <summary>The elements as host values, row-major.</summary>
    public T[] ToArray<T>() where T : unmanaged
    {
        Check.StoredAs<T>(this);
        var values = new T[Count];
        if (values.Length == 0) { return values; }
        using var dense = ContiguousUntracked();
        Device.CopyToHost(dense._storage, dense.Offset * DType.Size(), MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>The value of a one-element tensor; waits for the device.</summary>
    /// <exception cref="ShapeException">There is not exactly one element.</exception>
    public double Item()
    {
        if (Count != 1) { throw new ShapeException($"Item() needs one element, this tensor is {Shape}"); }
        return DType switch
        {
            DType.F32 => ToArray<float>()[0],
            DType.F64 => ToArray<double>()[0],
            DType.I64 => ToArray<long>()[0],
            DType.I32 => ToArray<int>()[0],
            DType.U8 => ToArray<byte>()[0],
            DType.Bool => ToArray<bool>()[0] ? 1 : 0,
            DType.BF16 => ToArray<BFloat16>()[0],
            _ => (double)ToArray<Half>()[0],
        };
    }

    /// <summary>Overwrites all elements from host values, row-major. Counts as an in-place change.</summary>
    public void CopyFrom<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        Check.StoredAs<T>(this);
        if (values.Length != Count) { throw new ShapeException($"CopyFrom: {values.Length} values for a tensor of {Shape}"); }
        if (!IsContiguous) { throw new ShapeException("CopyFrom needs a contiguous tensor; copy into Contiguous() instead"); }
        Device.CopyFromHost(_storage, Offset * DType.Size(), MemoryMarshal.AsBytes(values));
        MarkChanged();
    }

    /// <summary>Overwrites all elements with another tensor's (broadcast, cast and moved as needed). Counts as an in-place change.</summary>
    public void Assign(Tensor values)
    {
        using var noGrad = GradMode.NoGrad();
        using var scope = TensorScope.Begin();
        CopyOp.Into(this, values.To(DType).To(Device));
    }

    /// <summary>Gives the memory back (the last holder of the storage frees it). Harmless when repeated.</summary>
    public void Dispose()
    {
        if (_disposed) { return; }
        _disposed = true;
        Scope = null;
        _storage.Release();
        GradFn?.Drop();
    }

    /// <summary>Same elements, outside the graph.</summary>
    public Tensor Detach() => Alias(Shape, _strides, Offset);

    /// <summary>A second handle on the elements that no scope ends; graph nodes hold these.</summary>
    internal Tensor Untracked()
    {
        _storage.Retain();
        return new Tensor(_storage, Shape, _strides, Offset, DType, track: false);
    }

    internal Tensor Alias(Shape shape, long[] strides, long offset)
    {
        _storage.Retain();
        return new Tensor(_storage, shape, strides, offset, DType);
    }

    /// <summary>Tells that a kernel of the caller's own changed the elements in place, so that graphs that saved them notice.</summary>
    public void MarkUpdated() => MarkChanged();

    internal void MarkChanged() => _storage.MarkChanged();

    /// <inheritdoc/>
    public override string ToString() => $"Tensor {Shape} {DType.Name()} on {Device}{(RequiresGrad ? ", requires grad" : "")}";
}
