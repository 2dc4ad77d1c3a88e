namespace FlorenceKernels.Testing;
