import FuseKernel
