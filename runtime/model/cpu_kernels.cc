#include "runtime/model/cpu_kernels.h"

#include <algorithm>
#include <cmath>

#include "runtime/model/cpu_vectors.h"

namespace hat {
namespace {

using namespace cpu;

template <typename T>
struct Widen {
  static HAT_INLINE void Run(const T* x, int64_t n, WideOf<T>* out) {
    WidenPaired<T>(x, n, 1, out);
  }
};

template <typename T>
struct Linear {
  // Eight rows of x at a time go over weights that the caches hold. Up to eight wait for memory:
  // then bf16 and int8, whose rows are short, are asked for ahead; fp32 loses by it (Zen 3: 8%).
  static HAT_INLINE void Run(const WideOf<T>* x, const T* weight, int64_t rows, int64_t in,
                             int64_t out, int64_t begin, int64_t end, WideOf<T>* y) {
    constexpr int64_t kRows = 8;
    constexpr int64_t kOutputs = 64;
    if (rows <= kRows) {
      return Block<sizeof(T) < sizeof(float)>(x, weight, rows, in, out, begin, end, y);
    }
    for (int64_t o = begin; o < end; o += kOutputs) {
      for (int64_t row = 0; row < rows; row += kRows) {
        Block<false>(x + row * in, weight, std::min(kRows, rows - row), in, out, o,
                     std::min(end, o + kOutputs), y + row * out);
      }
    }
  }

  // `kFetch`: ask for the weights ahead.
  template <bool kFetch>
  static HAT_INLINE void Block(const WideOf<T>* x, const T* weight, int64_t rows, int64_t in,
                               int64_t out, int64_t begin, int64_t end, WideOf<T>* y) {
    int64_t o = begin;
    for (; o + 4 <= end; o += 4) {
      const T* const four = weight + o * in;
      if (rows == 1) {
        DotFour<T, kFetch>(x, four, in, y + o);
        continue;
      }
      DotTwoByFour<T, kFetch>(x, four, in, y + o, out);
      int64_t row = 2;
      for (; row + 2 <= rows; row += 2) {
        DotTwoByFour<T>(x + row * in, four, in, y + row * out + o, out);
      }
      if (row < rows) DotFour<T, false>(x + row * in, four, in, y + row * out + o);
    }
    for (; o < end; ++o) {
      for (int64_t row = 0; row < rows; ++row) {
        y[row * out + o] = Dot<T>(x + row * in, weight + o * in, in);
      }
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
struct Gate {
  static HAT_INLINE void Run(const T* gate, const T* up, int64_t n, T* out) {
    using Wide = WideOf<T>;
    constexpr int64_t kBlock = 64;
    for (int64_t first = 0; first < n; first += kBlock) {
      const int64_t count = std::min(kBlock, n - first);
      Wide x[kBlock] = {};
      Wide power[kBlock];  // exp(-x)
      for (int64_t i = 0; i < count; ++i) x[i] = Widened(gate[first + i]);
      for (int64_t i = 0; i < kBlock; ++i) power[i] = x[i] < -80 ? 80 : -x[i];
      for (int64_t i = 0; i < kBlock; i += kLanes<Wide>) {
        Store<Wide, 32>(ExpEach<Wide>(Load(power + i)), power + i);
      }
      for (int64_t i = 0; i < count; ++i) {
        const T silu = Narrowed<T>(x[i] / (1 + power[i]));
        out[first + i] = Narrowed<T>(Widened(silu) * Widened(up[first + i]));
      }
    }
  }
};

template <typename T>
struct Round {
  static HAT_INLINE void Run(const WideOf<T>* wide, const T* more, int64_t begin, int64_t end,
                             T* out) {
    for (int64_t i = begin; i < end; ++i) {
      out[i] = Narrowed<T>(more == nullptr ? wide[i] : wide[i] + Widened(more[i]));
    }
  }
};

}  // namespace

template <typename T>
void WidenRow(const T* x, int64_t n, WideOf<T>* out) {
  Run<Widen<T>>(x, n, out);
}

template <typename T>
void LinearRange(const WideOf<T>* x, const T* weight, int64_t rows, int64_t in, int64_t out,
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
void GateRow(const T* gate, const T* up, int64_t n, T* out) {
  Run<Gate<T>>(gate, up, n, out);
}

template <typename T>
void RoundRange(const WideOf<T>* wide, const T* more, int64_t begin, int64_t end, T* out) {
  Run<Round<T>>(wide, more, begin, end, out);
}

#define HAT_INSTANTIATE(T)                                                                  \
  template void WidenRow(const T*, int64_t, WideOf<T>*);                                    \
  template void LinearRange(const WideOf<T>*, const T*, int64_t, int64_t, int64_t, int64_t, \
                            int64_t, WideOf<T>*);                                           \
  template void NormRow(const T*, const T*, int64_t, double, T*);                           \
  template void RotateRow(const T*, const WideOf<T>*, const WideOf<T>*, int64_t, T*);       \
  template void GateRow(const T*, const T*, int64_t, T*);                                   \
  template void RoundRange(const WideOf<T>*, const T*, int64_t, int64_t, T*)
HAT_INSTANTIATE(double);
HAT_INSTANTIATE(float);
HAT_INSTANTIATE(Bf16);
template void LinearRange(const float*, const int8_t*, int64_t, int64_t, int64_t, int64_t, int64_t,
                          float*);

}  // namespace hat
