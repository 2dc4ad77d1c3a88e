namespace FlorenceKernels.Nn;
