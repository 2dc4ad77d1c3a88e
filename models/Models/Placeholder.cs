namespace FlorenceKernels.Models;
