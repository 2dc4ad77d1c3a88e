namespace FlorenceKernels.Runtime;
