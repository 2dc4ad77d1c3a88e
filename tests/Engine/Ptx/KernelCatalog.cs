using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using ILGPU;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Every kernel specialisation the engine can start, found in its compiled code: the program is walked from all methods without
/// type parameters, type arguments are carried along, and each kernel whose address is taken for a launch is noted.</summary>
internal sealed class KernelCatalog
{
    private static readonly string[] Parts = ["Runtime", "Tensors", "Nn", "Optim", "Data", "Distributed", "Models", "Training"];

    private readonly HashSet<MethodBase> _seen = [];
    private readonly HashSet<Type> _types = [];
    private readonly Stack<MethodBase> _open = new();
    private readonly SortedDictionary<string, MethodInfo> _kernels = new(StringComparer.Ordinal);
    private readonly HashSet<Assembly> _assemblies;

    private KernelCatalog()
    {
        _assemblies = [.. Parts.Select(p => Path.Combine(AppContext.BaseDirectory, $"FlorenceKernels.{p}.dll")).Where(File.Exists)
            .Select(Assembly.LoadFrom)];
        foreach (var type in _assemblies.SelectMany(a => a.GetTypes()).Where(t => !t.ContainsGenericParameters)) { See(type); }
        while (_open.TryPop(out var method)) { Walk(method); }
        Shaped = [.. _assemblies.SelectMany(a => a.GetTypes()).SelectMany(Methods).OfType<MethodInfo>().Where(IsKernel).Select(Definition)
            .Distinct().OrderBy(m => KernelName.Of(m), StringComparer.Ordinal)];
    }

    /// <summary>The catalogue of the engine beside these tests.</summary>
    public static KernelCatalog Engine { get; } = new();

    /// <summary>Closed kernels by name, in the order of the names.</summary>
    public IReadOnlyDictionary<string, MethodInfo> Kernels => _kernels;

    /// <summary>Methods that look like kernels, launched or not; open where generic.</summary>
    public IReadOnlyList<MethodInfo> Shaped { get; }

    /// <summary>The method as written, without type arguments.</summary>
    public static MethodInfo Definition(MethodInfo method)
    {
        var open = method.DeclaringType is { IsGenericType: true } type
            ? (MethodInfo)MethodBase.GetMethodFromHandle(method.MethodHandle, type.GetGenericTypeDefinition().TypeHandle)! : method;
        return open.IsGenericMethod ? open.GetGenericMethodDefinition() : open;
    }

    /// <summary>Whether a type is a view of device memory.</summary>
    public static bool IsView(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ArrayView<>);

    // A kernel is a static method over one struct that holds views.
    private static bool IsKernel(MethodInfo method) => method.IsStatic && method.ReturnType == typeof(void)
        && method.GetParameters() is [{ ParameterType: { IsValueType: true, IsByRef: false } args }] && HoldsViews(args);

    private static bool HoldsViews(Type type) => type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
        .Any(f => IsView(f.FieldType) || f.FieldType != type && f.FieldType is { IsValueType: true, IsPrimitive: false, IsGenericParameter: false } && HoldsViews(f.FieldType));

    private static IEnumerable<MethodBase> Methods(Type type)
    {
        const BindingFlags all = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        return type.GetMethods(all).Cast<MethodBase>().Concat(type.GetConstructors(all));
    }

    private void See(Type type)
    {
        if (!_assemblies.Contains(type.Assembly) || type.ContainsGenericParameters || !_types.Add(type)) { return; }
        foreach (var method in Methods(type)) { See(method); }
    }

    private void See(MethodBase method)
    {
        // CPU kernels launch nothing, and their vector types would multiply the walk.
        var isCpu = method.Name == nameof(Tensors.IOpKernel.Cpu) && method.IsGenericMethod;
        if (_assemblies.Contains(method.Module.Assembly) && !method.ContainsGenericParameters && !isCpu && _seen.Add(method)) { _open.Push(method); }
    }

    private void Walk(MethodBase method)
    {
        foreach (var use in IlReader.Uses(method))
        {
            if (use.Type is not null) { See(use.Type); }
            if (use.Method is null) { continue; }
            var target = use.Constrained is { } self ? Implementation(self, use.Method) : use.Method;
            if (target.DeclaringType is { } owner) { See(owner); }
            foreach (var argument in target.IsGenericMethod ? target.GetGenericArguments() : []) { See(argument); }
            if (use.IsAddress && target is MethodInfo { ContainsGenericParameters: false } kernel && IsKernel(kernel)) { _kernels[KernelName.Of(kernel)] = kernel; }
            else { See(target); }
        }
    }

    // What a call through an interface reaches on a struct.
    private static MethodBase Implementation(Type self, MethodBase method)
    {
        if (method is not MethodInfo called || called.DeclaringType is not { IsInterface: true } face || !self.IsValueType || self.ContainsGenericParameters)
        {
            return method;
        }

        var open = called.IsGenericMethod ? called.GetGenericMethodDefinition() : called;
        var map = self.GetInterfaceMap(face);
        var at = Array.FindIndex(map.InterfaceMethods, m => m.MethodHandle == open.MethodHandle || m == open);
        if (at < 0) { return method; }
        var found = map.TargetMethods[at];
        return called.IsGenericMethod && found.IsGenericMethodDefinition ? found.MakeGenericMethod(called.GetGenericArguments()) : found;
    }
}
