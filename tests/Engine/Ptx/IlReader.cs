using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;

namespace FlorenceKernels.Tests.Engine;

/// <summary>What an instruction refers to: a method or a type, the type a call is constrained to, and whether an address is taken.</summary>
internal readonly record struct IlUse(MethodBase? Method, Type? Type, Type? Constrained, bool IsAddress);

/// <summary>Reads the references in a method's compiled code, with the type arguments of the method filled in (ECMA-335, partition III).</summary>
internal static class IlReader
{
    private static readonly Dictionary<short, OpCode> Codes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(c => c.Value);

    public static IEnumerable<IlUse> Uses(MethodBase method)
    {
        if (method.GetMethodBody()?.GetILAsByteArray() is not { } code) { yield break; }
        var module = method.Module;
        var ofType = method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null;
        var ofMethod = method.IsGenericMethod ? method.GetGenericArguments() : null;
        Type? constrained = null;
        for (var at = 0; at < code.Length;)
        {
            var op = Codes[code[at] == 0xFE ? (short)(0xFE00 | code[at + 1]) : code[at]];
            at += op.Size;
            var token = Size(op) >= 4 ? BitConverter.ToInt32(code, at) : 0;
            if (op == OpCodes.Constrained) { constrained = module.ResolveType(token, ofType, ofMethod); }
            else if (op.OperandType is OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType or OperandType.InlineField)
            {
                yield return Of(module.ResolveMember(token, ofType, ofMethod)!) with { Constrained = constrained, IsAddress = op == OpCodes.Ldftn };
                constrained = null;
            }

            at += op.OperandType == OperandType.InlineSwitch ? 4 + 4 * token : Size(op);
        }
    }

    private static IlUse Of(MemberInfo member) => member switch
    {
        MethodBase method => new IlUse(method, null, null, false),
        Type type => new IlUse(null, type, null, false),
        _ => new IlUse(null, member.DeclaringType, null, false),
    };

    private static int Size(OpCode op) => op.OperandType switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        _ => 4,
    };
}
