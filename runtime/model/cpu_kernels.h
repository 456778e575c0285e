// The inner loops of a layer on the CPU for a few rows, on plain memory. Sums and exponentials are
// in the wide type: double for double, else float. Vectorised for what the processor has (AVX-512,
// AVX2; NEON by default on arm64). Free of torch; cpu_operations.h has the tensors and the threads.
#pragma once

#include <cstdint>
#include <type_traits>

namespace hat {

struct Bf16 {
  uint16_t bits;
};

template <typename T>
using WideOf = std::conditional_t<std::is_same_v<T, double>, double, float>;

// Defined for T = double, float, Bf16.

// x [n] in the wide type, in the order in which LinearRange multiplies with weights of type T.
template <typename T>
void WidenRow(const T* x, int64_t n, WideOf<T>* out);

// y[r, o] = sum over k of x[r, k] weight[o, k], for o in begin..end - 1. x [rows, in] as WidenRow
// leaves them, weight [out, in], y [rows, out]. Weights are read from memory once. Defined for
// T = int8_t too, x then in order.
template <typename T>
void LinearRange(const WideOf<T>* x, const T* weight, int64_t rows, int64_t in, int64_t out,
                 int64_t begin, int64_t end, WideOf<T>* y);

// out[i] = x[i] / rms(x) * weight[i]; x, out [n].
template <typename T>
void NormRow(const T* x, const T* weight, int64_t n, double eps, T* out);

// out = x with pairs (i, i + pairs) turned by cos[i], sin[i]; x, out [2 pairs], may be the same.
template <typename T>
void RotateRow(const T* x, const WideOf<T>* cos, const WideOf<T>* sin, int64_t pairs, T* out);

// out[i] = silu(gate[i]) * up[i]; gate, up, out [n].
template <typename T>
void GateRow(const T* gate, const T* up, int64_t n, T* out);

// out[i] = wide[i] + more[i] (or null: 0) for i in begin..end - 1, rounded to nearest even. `out`
// may be `wide`.
template <typename T>
void RoundRange(const WideOf<T>* wide, const T* more, int64_t begin, int64_t end, T* out);

}  // namespace hat
