using System;
using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;

namespace FlorenceKernels.Runtime;

/// <summary>Compiles kernels to the PTX text that a CUDA device would get, without a device, a driver or a toolkit.</summary>
/// <remarks>The text is ILGPU's half of the work; the driver's assembler makes machine code of it. Names inside are numbered in the
/// order of compilation, so two compilers agree on everything but those numbers.</remarks>
internal sealed class PtxCompiler : IDisposable
{
    private readonly Context _context = Context.Create(builder => GpuContext.Configure(builder.CPU(CPUDevice.Default)));
    private readonly PTXBackend _backend;

    public PtxCompiler() => _backend = new PTXBackend(_context, CudaArchitecture.SM_80, CudaInstructionSet.ISA_80, null!);

    /// <summary>The PTX of one kernel: a closed static method over one argument struct.</summary>
    public string Compile(MethodInfo kernel)
    {
        var entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel);
        return ((PTXCompiledKernel)_backend.Compile(entry, KernelSpecialization.Empty)).PTXAssembly;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _backend.Dispose();
        _context.Dispose();
    }
}
