// Exists so that the precompiled torch/torch.h has a target that owns it (cmake/runtime.cmake).
#include <torch/torch.h>
