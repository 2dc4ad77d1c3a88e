using System;
using System.Linq;
using System.Reflection;

namespace FlorenceKernels.Tests.Engine;

/// <summary>Kernels as they are named in reports: <c>MapGpu.Dense&lt;UnaryForward&lt;Tanh&gt;, G32&gt;</c>.</summary>
internal static class KernelName
{
    public static string Of(MethodInfo method) =>
        $"{Of(method.DeclaringType!)}.{method.Name}{(method.IsGenericMethod ? Arguments(method.GetGenericArguments()) : "")}";

    private static string Of(Type type)
    {
        var name = type.Name.Split('`')[0];
        return type.IsGenericType && !type.IsGenericTypeDefinition ? name + Arguments(type.GetGenericArguments()) : name;
    }

    private static string Arguments(Type[] types) => $"<{string.Join(", ", types.Select(Of))}>";
}
