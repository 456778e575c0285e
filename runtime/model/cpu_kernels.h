// The inner loops of a layer on the CPU for a few rows, on plain memory. Sums and exponentials are
// in the wide type: double for double, else float. Vectorised for what the processor has (AVX-512,
// AVX2; NEON by default on arm64). Free of torch; few_rows.h has the tensors and the threads.
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

// y[r, o] = sum over k of x[r, k] weight[o, k], for o in begin..end - 1. x [rows, in], weight
// [out, in], y [rows, out]; 1 <= rows <= 8. Each weight is read once.
template <typename T>
void LinearRange(const WideOf<T>* x, const T* weight, int rows, int64_t in, int64_t out,
                 int64_t begin, int64_t end, WideOf<T>* y);

// out[i] = x[i] / rms(x) * weight[i]; x, out [n].
template <typename T>
void NormRow(const T* x, const T* weight, int64_t n, double eps, T* out);

// out = x with pairs (i, i + pairs) turned by cos[i], sin[i]; x, out [2 pairs], may be the same.
template <typename T>
void RotateRow(const T* x, const WideOf<T>* cos, const WideOf<T>* sin, int64_t pairs, T* out);

// One query of one head: softmax(q keys^T / sqrt(dim) + mask) values. q, out [dim]; keys, values
// [slots, dim]; mask [slots] of 0 and -inf, or null: all are visible; scores: room for `slots`.
template <typename T>
void AttendRow(const T* q, const T* keys, const T* values, const float* mask, int64_t slots,
               int64_t dim, WideOf<T>* scores, T* out);

// out[i] = silu(gate[i]) * up[i]; gate, up, out [n].
template <typename T>
void GateRow(const T* gate, const T* up, int64_t n, T* out);

// to[i] += from[i].
template <typename T>
void AddTo(const T* from, int64_t n, WideOf<T>* to);

// From the wide type, rounded to nearest even.
template <typename T>
void Narrow(const WideOf<T>* from, int64_t n, T* to);

}  // namespace hat
