using System;
using System.Linq;
using System.Runtime.InteropServices;

namespace FlorenceKernels.Benchmarks;

/// <summary>An ONNX model with one graph, written node by node in topological order. Values have numbers for names. Field numbers are
/// those of <c>onnx.proto</c>, IR version 8.</summary>
/// <param name="opset">Version of the operators.</param>
internal sealed class OnnxGraph(int opset)
{
    private const int IrVersion = 8, Float32 = 1, Int64 = 7;
    private readonly ProtoMessage _graph = new ProtoMessage().Add(2, "graph");
    private int _values;

    /// <summary>An operator with one output, whose name is returned. Attributes are <see cref="long"/>, <see cref="float"/> or
    /// arrays of <see cref="int"/>.</summary>
    public string Node(string operation, string[] inputs, params (string Name, object Value)[] attributes) =>
        Named(NextName(), operation, inputs, attributes);

    /// <summary>An operator whose output has this name.</summary>
    public string Named(string output, string operation, string[] inputs, params (string Name, object Value)[] attributes)
    {
        var node = new ProtoMessage();
        foreach (var input in inputs) { node.Add(1, input); }
        node.Add(2, output).Add(3, $"{operation}_{output}").Add(4, operation);
        foreach (var (name, value) in attributes) { node.Add(5, Attribute(name, value)); }
        _graph.Add(1, node);
        return output;
    }

    /// <summary>A constant of reals.</summary>
    public string Constant(float[] values, params int[] shape) => Initializer(Float32, MemoryMarshal.AsBytes<float>(values), shape);

    /// <summary>A constant vector of whole numbers, such as a shape.</summary>
    public string Constant(params int[] values) =>
        Initializer(Int64, MemoryMarshal.AsBytes<long>([.. values.Select(v => (long)v)]), values.Length);

    /// <summary>A constant whole number without axes, such as an index.</summary>
    public string Scalar(long value) => Initializer(Int64, MemoryMarshal.AsBytes<long>([value]));

    public void Input(string name, params int[] shape) => _graph.Add(11, Value(name, shape));

    public void Output(string name, params int[] shape) => _graph.Add(12, Value(name, shape));

    /// <summary>The whole file.</summary>
    public byte[] ToModel() => new ProtoMessage().Add(1, IrVersion).Add(2, "FlorenceKernels").Add(7, _graph)
        .Add(8, new ProtoMessage().Add(1, "").Add(2, opset)).ToArray();

    private string Initializer(int type, ReadOnlySpan<byte> bytes, params int[] shape)
    {
        var (tensor, name) = (new ProtoMessage(), NextName());
        foreach (var d in shape) { tensor.Add(1, d); }
        _graph.Add(5, tensor.Add(2, type).Add(8, name).Add(9, bytes));
        return name;
    }

    private string NextName() => $"v{_values++}";

    private static ProtoMessage Attribute(string name, object value)
    {
        var attribute = new ProtoMessage().Add(1, name);
        switch (value)
        {
            case float f: return attribute.Add(2, f).Add(20, 1);
            case long i: return attribute.Add(3, i).Add(20, 2);
            case int[] all:
                foreach (var i in all) { attribute.Add(8, i); }
                return attribute.Add(20, 7);
            default:
                throw new ArgumentException(
                    $"onnx: attribute {name} is a {value.GetType().Name}, expected a long, a float or ints", nameof(value));
        }
    }

    private static ProtoMessage Value(string name, int[] shape)
    {
        var axes = new ProtoMessage();
        foreach (var d in shape) { axes.Add(1, new ProtoMessage().Add(1, d)); }
        var tensor = new ProtoMessage().Add(1, Float32).Add(2, axes);
        return new ProtoMessage().Add(1, name).Add(2, new ProtoMessage().Add(1, tensor));
    }
}
