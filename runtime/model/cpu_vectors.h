// What the loops on plain memory are written with: vectors as the compiler knows them, conversions,
// an exponential, and code compiled for each level of the processor. For the sources of cpu_*.cc
// only: what they say with it is theirs to inline.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "runtime/model/cpu_kernels.h"

// Vectors are only passed between functions that are inlined into each other.
#pragma GCC diagnostic ignored "-Wpsabi"

#define HAT_INLINE inline __attribute__((always_inline))

namespace hat::cpu {

// 32 bytes: a register of AVX2. The compiler splits them where there is less.
template <typename Number, int Bytes = 32>
struct VectorOf {
  typedef Number type __attribute__((vector_size(Bytes)));
};
template <typename Number, int Bytes = 32>
using Vector = typename VectorOf<Number, Bytes>::type;
template <typename Number, int Bytes = 32>
constexpr int64_t kLanes = Bytes / sizeof(Number);

template <typename Wide>
HAT_INLINE Vector<Wide> Load(const Wide* from) {
  Vector<Wide> to;
  std::memcpy(&to, from, sizeof to);
  return to;
}

template <typename Wide, int Bytes>
HAT_INLINE void Store(const Vector<Wide, Bytes>& from, Wide* to) {
  std::memcpy(to, &from, sizeof from);
}

// Numbers that are loaded at once, as two vectors.
template <typename Wide>
constexpr int64_t kPair = 2 * kLanes<Wide>;

// Loads kPair numbers: of bf16 the even ones and the odd ones, an instruction each; else in order.
template <typename T>
HAT_INLINE void LoadPair(const T* from, Vector<WideOf<T>>& first, Vector<WideOf<T>>& second) {
  if constexpr (std::is_same_v<T, Bf16>) {  // the upper half of a float
    Vector<uint32_t> words;
    std::memcpy(&words, from, sizeof words);
    first = (Vector<float>)(words << 16);
    second = (Vector<float>)(words & 0xffff0000);
  } else if constexpr (std::is_same_v<T, int8_t>) {
    Vector<int8_t, 16> bytes;  // widened twice: from 8 bytes at once the compiler takes each apart
    std::memcpy(&bytes, from, sizeof bytes);
    const auto words = __builtin_convertvector(bytes, Vector<int16_t>);
    Vector<int16_t, 16> halves[2];
    std::memcpy(halves, &words, sizeof words);
    first =
        __builtin_convertvector(__builtin_convertvector(halves[0], Vector<int32_t>), Vector<float>);
    second =
        __builtin_convertvector(__builtin_convertvector(halves[1], Vector<int32_t>), Vector<float>);
  } else {
    first = Load(from);
    second = Load(from + kLanes<T>);
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

// x [n] times scale, in the order of a row that goes with what LoadPair loads: in whole pairs, of
// bf16, even numbers before odd ones.
template <typename T>
HAT_INLINE void WidenPaired(const T* x, int64_t n, WideOf<T> scale, WideOf<T>* out) {
  using Wide = WideOf<T>;
  Vector<Wide> first, second;
  int64_t k = 0;
  for (; k + kPair<Wide> <= n; k += kPair<Wide>) {
    LoadPair(x + k, first, second);
    Store<Wide, 32>(first * scale, out + k);
    Store<Wide, 32>(second * scale, out + k + kLanes<Wide>);
  }
  for (; k < n; ++k) out[k] = Widened(x[k]) * scale;
}

// The way back.
template <typename T>
HAT_INLINE void NarrowPaired(const WideOf<T>* x, int64_t n, WideOf<T> scale, T* out) {
  constexpr int64_t kHalf = kLanes<WideOf<T>>;
  int64_t k = 0;
  for (; std::is_same_v<T, Bf16> && k + 2 * kHalf <= n; k += 2 * kHalf) {
    for (int64_t i = 0; i < kHalf; ++i) {
      out[k + 2 * i] = Narrowed<T>(x[k + i] * scale);
      out[k + 2 * i + 1] = Narrowed<T>(x[k + kHalf + i] * scale);
    }
  }
  for (; k < n; ++k) out[k] = Narrowed<T>(x[k] * scale);
}

// The lower half and the upper half, added.
template <typename Wide, int Bytes>
HAT_INLINE Vector<Wide, Bytes / 2> Halved(const Vector<Wide, Bytes>& whole) {
  Vector<Wide, Bytes / 2> halves[2];
  std::memcpy(&halves, &whole, sizeof whole);
  return halves[0] + halves[1];
}

// Of the lanes.
template <typename Wide, int Bytes = 32>
HAT_INLINE Wide Sum(const Vector<Wide, Bytes>& vector) {
  if constexpr (Bytes > 16) {
    return Sum<Wide, Bytes / 2>(Halved<Wide, Bytes>(vector));
  } else if constexpr (kLanes<Wide, Bytes> == 4) {
    return (vector[0] + vector[1]) + (vector[2] + vector[3]);
  } else {
    return vector[0] + vector[1];
  }
}

#if defined(__clang__) || __GNUC__ >= 12
#define HAT_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define HAT_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, decltype((a) < (b)){__VA_ARGS__})
#endif

// The sums of the lanes of a, b, c, d.
template <typename Wide, int Bytes>
HAT_INLINE Vector<Wide, 4 * sizeof(Wide)> SumsOfFour(const Vector<Wide, Bytes>& a,
                                                     const Vector<Wide, Bytes>& b,
                                                     const Vector<Wide, Bytes>& c,
                                                     const Vector<Wide, Bytes>& d) {
  if constexpr (4 < kLanes<Wide, Bytes>) {
    return SumsOfFour<Wide, Bytes / 2>(Halved<Wide, Bytes>(a), Halved<Wide, Bytes>(b),
                                       Halved<Wide, Bytes>(c), Halved<Wide, Bytes>(d));
  } else {
    const auto ab = HAT_SHUFFLE(a, b, 0, 4, 1, 5) + HAT_SHUFFLE(a, b, 2, 6, 3, 7);
    const auto cd = HAT_SHUFFLE(c, d, 0, 4, 1, 5) + HAT_SHUFFLE(c, d, 2, 6, 3, 7);
    return HAT_SHUFFLE(ab, cd, 0, 1, 4, 5) + HAT_SHUFFLE(ab, cd, 2, 3, 6, 7);
  }
}

// exp(x) for x <= 88, of a float or a vector of them (`Bits`: uint32_t likewise): 2^n times a
// polynomial of the rest (Cephes' coefficients); below -87: 0.
template <typename Bits, typename Float>
HAT_INLINE Float ExpOf(const Float& x) {
  const Float least = Float{} - 87.0F;
  const Float clamped = x < least ? least : x;
  const Float shifted = clamped * 1.44269504F + 12582912.0F;  // its last bits: the nearest integer
  const Float n = shifted - 12582912.0F;
  const Float rest = clamped - n * 0.693359375F + n * 2.12194440e-4F;
  Float power = rest * 1.9875691500e-4F + 1.3981999507e-3F;
  power = power * rest + 8.3334519073e-3F;
  power = power * rest + 4.1665795894e-2F;
  power = power * rest + 1.6666665459e-1F;
  power = power * rest + 5.0000001201e-1F;
  power = power * rest * rest + rest + 1.0F;
  Bits bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 127) << 23;
  Float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return x < least ? Float{} : power * scale;
}
HAT_INLINE float Exp(float x) { return ExpOf<uint32_t>(x); }
HAT_INLINE double Exp(double x) { return std::exp(x); }

template <typename Wide>
HAT_INLINE Vector<Wide> ExpEach(const Vector<Wide>& x) {
  if constexpr (std::is_same_v<Wide, float>) {
    return ExpOf<Vector<uint32_t>>(x);
  } else {
    Vector<Wide> y;
    for (int64_t i = 0; i < kLanes<Wide>; ++i) y[i] = std::exp(x[i]);
    return y;
  }
}

// What of x . row whole pairs of vectors do not hold: from k on.
template <typename T>
HAT_INLINE WideOf<T> DotRest(const WideOf<T>* x, const T* row, int64_t k, int64_t n) {
  WideOf<T> sum = 0;
  for (; k < n; ++k) sum += x[k] * Widened(row[k]);
  return sum;
}

// x . row. x [n] as WidenPaired leaves it, here and below.
template <typename T>
HAT_INLINE WideOf<T> Dot(const WideOf<T>* x, const T* row, int64_t n) {
  using Wide = WideOf<T>;
  Vector<Wide> sum0 = {}, sum1 = {}, first, second;
  int64_t k = 0;
  for (; k + kPair<Wide> <= n; k += kPair<Wide>) {
    LoadPair(row + k, first, second);
    sum0 += Load(x + k) * first, sum1 += Load(x + k + kLanes<Wide>) * second;
  }
  return Sum<Wide>(sum0 + sum1) + DotRest(x, row, k, n);
}

// Asks for numbers k of the four rows [4, n] after `rows`: the processor's own prefetching stops
// at the end of a page, which may be as short as a row. Any address may be asked for.
template <typename T>
HAT_INLINE void FetchNextFour(const T* rows, int64_t n, int64_t k) {
  for (int j = 4; j < 8; ++j) __builtin_prefetch(rows + j * n + k);
}

// y[j] = x . rows[j] for j = 0..3. rows [4, n]: four at once, so that enough loads are under way.
// Sums are written out, here and below: the compiler does not keep arrays of them in registers.
// `kFetch`: the next four rows are wanted soon.
template <typename T, bool kFetch>
HAT_INLINE void DotFour(const WideOf<T>* x, const T* rows, int64_t n, WideOf<T>* y) {
  using Wide = WideOf<T>;
  Vector<Wide> a0 = {}, a1 = {}, a2 = {}, a3 = {}, b0 = {}, b1 = {}, b2 = {}, b3 = {};
  Vector<Wide> first, second;
  int64_t k = 0;
  for (; k + kPair<Wide> <= n; k += kPair<Wide>) {
    if constexpr (kFetch) FetchNextFour(rows, n, k);
    const Vector<Wide> a = Load(x + k);
    const Vector<Wide> b = Load(x + k + kLanes<Wide>);
    LoadPair(rows + k, first, second);
    a0 += a * first, b0 += b * second;
    LoadPair(rows + n + k, first, second);
    a1 += a * first, b1 += b * second;
    LoadPair(rows + 2 * n + k, first, second);
    a2 += a * first, b2 += b * second;
    LoadPair(rows + 3 * n + k, first, second);
    a3 += a * first, b3 += b * second;
  }
  Store<Wide, 4 * sizeof(Wide)>(SumsOfFour<Wide, 32>(a0 + b0, a1 + b1, a2 + b2, a3 + b3), y);
  for (int j = 0; k < n && j < 4; ++j) y[j] += DotRest(x, rows + j * n, k, n);
}

// y[i, j] = x[i] . rows[j] for i = 0, 1 and j = 0..3. x [2, n], rows [4, n], y's rows `stride`
// apart.
template <typename T, bool kFetch = false>
HAT_INLINE void DotTwoByFour(const WideOf<T>* x, const T* rows, int64_t n, WideOf<T>* y,
                             int64_t stride) {
  using Wide = WideOf<T>;
  constexpr int64_t kHalf = kLanes<Wide>;
  Vector<Wide> a0 = {}, a1 = {}, a2 = {}, a3 = {}, b0 = {}, b1 = {}, b2 = {}, b3 = {};
  Vector<Wide> first, second;
  int64_t k = 0;
  for (; k + kPair<Wide> <= n; k += kPair<Wide>) {
    if constexpr (kFetch) FetchNextFour(rows, n, k);
    const Wide* const a = x + k;
    const Wide* const b = x + n + k;
    LoadPair(rows + k, first, second);
    a0 += Load(a) * first, b0 += Load(b) * first;
    a0 += Load(a + kHalf) * second, b0 += Load(b + kHalf) * second;
    LoadPair(rows + n + k, first, second);
    a1 += Load(a) * first, b1 += Load(b) * first;
    a1 += Load(a + kHalf) * second, b1 += Load(b + kHalf) * second;
    LoadPair(rows + 2 * n + k, first, second);
    a2 += Load(a) * first, b2 += Load(b) * first;
    a2 += Load(a + kHalf) * second, b2 += Load(b + kHalf) * second;
    LoadPair(rows + 3 * n + k, first, second);
    a3 += Load(a) * first, b3 += Load(b) * first;
    a3 += Load(a + kHalf) * second, b3 += Load(b + kHalf) * second;
  }
  Store<Wide, 4 * sizeof(Wide)>(SumsOfFour<Wide, 32>(a0, a1, a2, a3), y);
  Store<Wide, 4 * sizeof(Wide)>(SumsOfFour<Wide, 32>(b0, b1, b2, b3), y + stride);
  for (int j = 0; k < n && j < 4; ++j) {
    y[j] += DotRest(x, rows + j * n, k, n);
    y[stride + j] += DotRest(x + n, rows + j * n, k, n);
  }
}

// The same code, compiled for each level of the processor; chosen once.
enum class Level { kBase, kAvx2, kAvx512 };

#ifdef __x86_64__
inline Level FindLevel() {
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

}  // namespace hat::cpu
