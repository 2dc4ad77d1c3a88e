namespace FlorenceKernels.Data;
