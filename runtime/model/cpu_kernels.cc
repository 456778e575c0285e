#include "runtime/model/cpu_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

// Vectors are only passed between functions that are inlined into each other.
#pragma GCC diagnostic ignored "-Wpsabi"

#define HAT_INLINE inline __attribute__((always_inline))

namespace hat {
namespace {

// 64 bytes of wide values: a register of AVX-512; the compiler splits it elsewhere.
template <typename Wide>
struct VectorOf {
  typedef Wide type __attribute__((vector_size(64)));
};
template <typename Wide>
using Vector = typename VectorOf<Wide>::type;
template <typename Wide>
constexpr int64_t kLanes = 64 / sizeof(Wide);

template <typename T>
HAT_INLINE void Load(const T* from, Vector<WideOf<T>>& to) {
  if constexpr (std::is_same_v<T, Bf16>) {  // the upper half of a float
    typedef uint16_t Halves __attribute__((vector_size(32)));
    typedef uint32_t Words __attribute__((vector_size(64)));
    Halves halves;
    std::memcpy(&halves, from, sizeof halves);
    const Words words = __builtin_convertvector(halves, Words) << 16;
    std::memcpy(&to, &words, sizeof to);
  } else {
    std::memcpy(&to, from, sizeof to);
  }
}

template <typename T>
HAT_INLINE WideOf<T> Widened(T value) {
  if constexpr (std::is_same_v<T, Bf16>) {
    const uint32_t word = uint32_t{value.bits} << 16;
    float wide = 0;
    std::memcpy(&wide, &word, sizeof wide);
    return wide;
  } else {
    return value;
  }
}

template <typename T>
HAT_INLINE T Narrowed(WideOf<T> value) {
  if constexpr (std::is_same_v<T, Bf16>) {
    uint32_t word = 0;
    std::memcpy(&word, &value, sizeof word);
    if ((word & 0x7fffffff) > 0x7f800000) return {0x7fc0};  // NaN stays NaN
    return {static_cast<uint16_t>((word + 0x7fff + ((word >> 16) & 1)) >> 16)};
  } else {
    return value;
  }
}

template <typename Wide>
HAT_INLINE Wide Sum(const Vector<Wide>& vector) {
  Wide sum = 0;
  for (int64_t i = 0; i < kLanes<Wide>; ++i) sum += vector[i];
  return sum;
}

// exp(x) for x <= 88: 2^n times a polynomial of the rest (Cephes' coefficients); below -87: 0.
HAT_INLINE float Exp(float x) {
  const float clamped = x < -87.0F ? -87.0F : x;
  const float n = std::floor(clamped * 1.44269504F + 0.5F);
  const float rest = clamped - n * 0.693359375F + n * 2.12194440e-4F;
  float power = 1.9875691500e-4F;
  power = power * rest + 1.3981999507e-3F;
  power = power * rest + 8.3334519073e-3F;
  power = power * rest + 4.1665795894e-2F;
  power = power * rest + 1.6666665459e-1F;
  power = power * rest + 5.0000001201e-1F;
  power = power * rest * rest + rest + 1.0F;
  const uint32_t bits = static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23;
  float scale = 0;
  std::memcpy(&scale, &bits, sizeof scale);
  return x < -87.0F ? 0.0F : power * scale;
}
HAT_INLINE double Exp(double x) { return std::exp(x); }

template <typename T>
HAT_INLINE WideOf<T> Dot(const WideOf<T>* a, const T* b, int64_t n) {
  using Wide = WideOf<T>;
  Vector<Wide> sums = {};
  int64_t i = 0;
  for (; i + kLanes<Wide> <= n; i += kLanes<Wide>) {
    Vector<Wide> x;
    Vector<Wide> y;
    Load(a + i, x);
    Load(b + i, y);
    sums += x * y;
  }
  Wide sum = Sum<Wide>(sums);
  for (; i < n; ++i) sum += a[i] * Widened(b[i]);
  return sum;
}

// `Outputs` rows of the weight at once, so that enough loads are under way.
template <typename T, int Rows, int Outputs>
HAT_INLINE void LinearBlock(const WideOf<T>* x, const T* weight, int64_t in, int64_t out,
                            WideOf<T>* y) {
  using Wide = WideOf<T>;
  Vector<Wide> sums[Rows][Outputs] = {};
  int64_t k = 0;
  for (; k + kLanes<Wide> <= in; k += kLanes<Wide>) {
    Vector<Wide> weights[Outputs];
    for (int o = 0; o < Outputs; ++o) Load(weight + o * in + k, weights[o]);
    for (int r = 0; r < Rows; ++r) {
      Vector<Wide> values;
      Load(x + r * in + k, values);
      for (int o = 0; o < Outputs; ++o) sums[r][o] += values * weights[o];
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int o = 0; o < Outputs; ++o) {
      Wide sum = Sum<Wide>(sums[r][o]);
      for (int64_t i = k; i < in; ++i) sum += x[r * in + i] * Widened(weight[o * in + i]);
      y[r * out + o] = sum;
    }
  }
}

template <typename T, int Rows>
HAT_INLINE void LinearRows(const WideOf<T>* x, const T* weight, int64_t in, int64_t out,
                           int64_t begin, int64_t end, WideOf<T>* y) {
  // At most 16 registers of AVX2, two a vector, hold sums.
  constexpr int kOutputs = Rows == 1 ? 4 : Rows <= 3 ? 2 : 1;
  int64_t o = begin;
  for (; o + kOutputs <= end; o += kOutputs) {
    LinearBlock<T, Rows, kOutputs>(x, weight + o * in, in, out, y + o);
  }
  for (; o < end; ++o) LinearBlock<T, Rows, 1>(x, weight + o * in, in, out, y + o);
}

template <typename T>
struct Linear {
  static HAT_INLINE void Run(const WideOf<T>* x, const T* weight, int rows, int64_t in, int64_t out,
                             int64_t begin, int64_t end, WideOf<T>* y) {
    switch (rows) {
      case 1:
        return LinearRows<T, 1>(x, weight, in, out, begin, end, y);
      case 2:
        return LinearRows<T, 2>(x, weight, in, out, begin, end, y);
      case 3:
        return LinearRows<T, 3>(x, weight, in, out, begin, end, y);
      case 4:
        return LinearRows<T, 4>(x, weight, in, out, begin, end, y);
      case 5:
        return LinearRows<T, 5>(x, weight, in, out, begin, end, y);
      case 6:
        return LinearRows<T, 6>(x, weight, in, out, begin, end, y);
      case 7:
        return LinearRows<T, 7>(x, weight, in, out, begin, end, y);
      default:
        return LinearRows<T, 8>(x, weight, in, out, begin, end, y);
    }
  }
};

template <typename T>
struct Norm {
  static HAT_INLINE void Run(const T* x, const T* weight, int64_t n, double eps, T* out) {
    using Wide = WideOf<T>;
    constexpr int64_t kParts = 8;  // sums side by side
    Wide sums[kParts] = {};
    int64_t i = 0;
    for (; i + kParts <= n; i += kParts) {
      for (int64_t j = 0; j < kParts; ++j) sums[j] += Widened(x[i + j]) * Widened(x[i + j]);
    }
    Wide sum = 0;
    for (const Wide part : sums) sum += part;
    for (; i < n; ++i) sum += Widened(x[i]) * Widened(x[i]);
    const Wide scale = 1 / std::sqrt(sum / static_cast<Wide>(n) + static_cast<Wide>(eps));
    for (i = 0; i < n; ++i) {  // rounded before the weight, as transformers does
      const T normed = Narrowed<T>(Widened(x[i]) * scale);
      out[i] = Narrowed<T>(Widened(normed) * Widened(weight[i]));
    }
  }
};

template <typename T>
struct Rotate {
  static HAT_INLINE void Run(const T* x, const WideOf<T>* cos, const WideOf<T>* sin, int64_t pairs,
                             T* out) {
    for (int64_t i = 0; i < pairs; ++i) {
      const WideOf<T> first = Widened(x[i]);
      const WideOf<T> second = Widened(x[i + pairs]);
      out[i] = Narrowed<T>(first * cos[i] - second * sin[i]);
      out[i + pairs] = Narrowed<T>(second * cos[i] + first * sin[i]);
    }
  }
};

template <typename T>
struct Attend {
  static HAT_INLINE void Run(const T* q, const T* keys, const T* values, const float* mask,
                             int64_t slots, int64_t dim, WideOf<T>* scores, T* out) {
    using Wide = WideOf<T>;
    constexpr int64_t kMostDim = 512;
    Wide query[kMostDim];
    const Wide scale = 1 / std::sqrt(static_cast<Wide>(dim));
    for (int64_t i = 0; i < dim; ++i) query[i] = Widened(q[i]) * scale;
    Wide best = -std::numeric_limits<Wide>::infinity();
    for (int64_t slot = 0; slot < slots; ++slot) {
      scores[slot] = Dot<T>(query, keys + slot * dim, dim);
      if (mask != nullptr) scores[slot] += mask[slot];
      best = std::max(best, scores[slot]);
    }
    for (int64_t slot = 0; slot < slots; ++slot) scores[slot] = Exp(scores[slot] - best);
    Wide sum = 0;
    for (int64_t slot = 0; slot < slots; ++slot) sum += scores[slot];
    Wide totals[kMostDim] = {};
    for (int64_t slot = 0; slot < slots; ++slot) {
      const Wide part = scores[slot];
      if (part == 0) continue;  // masked: what its slot holds does not matter
      const T* const value = values + slot * dim;
      for (int64_t i = 0; i < dim; ++i) totals[i] += part * Widened(value[i]);
    }
    for (int64_t i = 0; i < dim; ++i) out[i] = Narrowed<T>(totals[i] / sum);
  }
};

template <typename T>
struct Gate {
  static HAT_INLINE void Run(const T* gate, const T* up, int64_t n, T* out) {
    for (int64_t i = 0; i < n; ++i) {
      const WideOf<T> x = Widened(gate[i]);
      const WideOf<T> power = Exp(std::min(-x, WideOf<T>{80}));
      const T silu = Narrowed<T>(x / (1 + power));
      out[i] = Narrowed<T>(Widened(silu) * Widened(up[i]));
    }
  }
};

// The same code, compiled for each level of the processor; chosen once.
enum class Level { kBase, kAvx2, kAvx512 };

#ifdef __x86_64__
Level FindLevel() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) {
    return Level::kAvx512;
  }
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has_avx2 ? Level::kAvx2 : Level::kBase;
}

template <typename Kernel, typename... Arguments>
__attribute__((target("avx512f,avx512bw,avx512vl,fma"))) void RunAvx512(Arguments... arguments) {
  Kernel::Run(arguments...);
}
template <typename Kernel, typename... Arguments>
__attribute__((target("avx2,fma"))) void RunAvx2(Arguments... arguments) {
  Kernel::Run(arguments...);
}
#endif

template <typename Kernel, typename... Arguments>
void Run(Arguments... arguments) {
#ifdef __x86_64__
  static const Level level = FindLevel();
  if (level == Level::kAvx512) return RunAvx512<Kernel>(arguments...);
  if (level == Level::kAvx2) return RunAvx2<Kernel>(arguments...);
#endif
  Kernel::Run(arguments...);
}

}  // namespace

template <typename T>
void LinearRange(const WideOf<T>* x, const T* weight, int rows, int64_t in, int64_t out,
                 int64_t begin, int64_t end, WideOf<T>* y) {
  Run<Linear<T>>(x, weight, rows, in, out, begin, end, y);
}

template <typename T>
void NormRow(const T* x, const T* weight, int64_t n, double eps, T* out) {
  Run<Norm<T>>(x, weight, n, eps, out);
}

template <typename T>
void RotateRow(const T* x, const WideOf<T>* cos, const WideOf<T>* sin, int64_t pairs, T* out) {
  Run<Rotate<T>>(x, cos, sin, pairs, out);
}

template <typename T>
void AttendRow(const T* q, const T* keys, const T* values, const float* mask, int64_t slots,
               int64_t dim, WideOf<T>* scores, T* out) {
  Run<Attend<T>>(q, keys, values, mask, slots, dim, scores, out);
}

template <typename T>
void GateRow(const T* gate, const T* up, int64_t n, T* out) {
  Run<Gate<T>>(gate, up, n, out);
}

template <typename T>
void AddTo(const T* from, int64_t n, WideOf<T>* to) {
  for (int64_t i = 0; i < n; ++i) to[i] += Widened(from[i]);
}

template <typename T>
void Narrow(const WideOf<T>* from, int64_t n, T* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = Narrowed<T>(from[i]);
}

#define HAT_INSTANTIATE(T)                                                                       \
  template void LinearRange(const WideOf<T>*, const T*, int, int64_t, int64_t, int64_t, int64_t, \
                            WideOf<T>*);                                                         \
  template void NormRow(const T*, const T*, int64_t, double, T*);                                \
  template void RotateRow(const T*, const WideOf<T>*, const WideOf<T>*, int64_t, T*);            \
  template void AttendRow(const T*, const T*, const T*, const float*, int64_t, int64_t,          \
                          WideOf<T>*, T*);                                                       \
  template void GateRow(const T*, const T*, int64_t, T*);                                        \
  template void AddTo(const T*, int64_t, WideOf<T>*);                                            \
  template void Narrow(const WideOf<T>*, int64_t, T*)
HAT_INSTANTIATE(double);
HAT_INSTANTIATE(float);
HAT_INSTANTIATE(Bf16);

}  // namespace hat
