#include "runtime/model/torch_compute.h"

#include <dlfcn.h>
#include <omp.h>

#include <exception>
#include <string>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/cuda.h>

#include "core/error.h"

namespace hat {
namespace {

// at::hasCUDA() asks for a GPU as well.
#ifdef HAT_HAS_CUDA
constexpr bool kHasCuda = true;
#else
constexpr bool kHasCuda = false;
#endif

at::Device ParseDevice(const std::string& name) {
  const bool has_index = name.starts_with("cuda:");
  const std::string index = has_index ? name.substr(5) : "0";
  const bool is_number = !index.empty() && index.size() <= 3 &&
                         index.find_first_not_of("0123456789") == std::string::npos;
  if (name == "cpu") return at::kCPU;
  if ((name != "cuda" && !has_index) || !is_number) {
    throw InputError("unknown device '" + name + "'; known: cpu, cuda, cuda:N");
  }
  return {at::kCUDA, static_cast<at::DeviceIndex>(std::stoi(index))};
}

template <typename T>
at::Tensor SendToDevice(const std::vector<T>& values, at::ScalarType type, const Compute& compute) {
  const at::Device device = DeviceOf(compute);
  const auto options = at::TensorOptions().dtype(type).pinned_memory(device.is_cuda());
  const at::Tensor host = at::empty({static_cast<int64_t>(values.size())}, options);  // [n]
  std::copy(values.begin(), values.end(), host.data_ptr<T>());
  return device.is_cpu() ? host : host.to(device, /*non_blocking=*/true);
}

}  // namespace

void CheckCompute(const Compute& compute) {
  const at::Device device = ParseDevice(compute.device);
  if (device.is_cpu() && compute.dtype == Dtype::kFloat16) {
    throw InputError("the CPU does not compute in fp16; choose fp32 or bf16");
  }
  const bool is_narrow = compute.dtype == Dtype::kFloat32 || compute.dtype == Dtype::kBfloat16;
  if (compute.has_int8_weights && !(device.is_cpu() && is_narrow)) {
    throw InputError("weights as int8 are for the CPU, computing in fp32 or bf16");
  }
  if (device.is_cpu()) return;
  const auto count = static_cast<int>(torch::cuda::device_count());
  if (count == 0) {
    throw InputError(
        "no device '" + compute.device + "': " +
        (kHasCuda ? "this machine has no usable GPU" : "this libtorch was built without CUDA"));
  }
  if (device.index() >= count) {
    throw InputError("no device '" + compute.device + "': this machine has " +
                     std::to_string(count) + " GPU" + (count > 1 ? "s" : ""));
  }
}

void SetThreads(int threads) {
  HAT_CHECK(threads >= 1);
  at::set_num_threads(threads);
  ::omp_set_num_threads(threads);  // a wheel's libtorch may have an OpenMP of its own
  // OpenBLAS counts its threads apart, and would start one a core.
  using SetCount = void (*)(int);
  if (void* set = ::dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<SetCount>(set)(threads);
  }
}

void Synchronize(const Compute& compute) {
  const at::Device device = ParseDevice(compute.device);
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

at::ScalarType ScalarTypeOf(Dtype dtype) {
  constexpr at::ScalarType kTypes[] = {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16};
  return kTypes[static_cast<int>(dtype)];
}

at::Device DeviceOf(const Compute& compute) { return ParseDevice(compute.device); }

at::TensorOptions OptionsOf(const Compute& compute) {
  return at::TensorOptions().dtype(ScalarTypeOf(compute.dtype)).device(DeviceOf(compute));
}

at::Tensor WideLogits(const at::Tensor& logits) {
  return logits.scalar_type() == at::kDouble ? logits : logits.to(at::kFloat);
}

void ThrowIfOutOfMemory(const c10::Error& error) {
  const std::string what = error.what_without_backtrace();
  for (const char* sign : {"out of memory", "allocate memory", "Cannot allocate"}) {
    if (what.find(sign) == std::string::npos) continue;
    throw InputError("the memory does not suffice: " + what.substr(0, what.find('\n')));
  }
}

at::Tensor ToDevice(const std::vector<int64_t>& values, const Compute& compute) {
  return SendToDevice(values, at::kLong, compute);
}

at::Tensor BytesToDevice(const std::vector<uint8_t>& bytes, const Compute& compute) {
  return SendToDevice(bytes, at::kByte, compute);
}

}  // namespace hat
