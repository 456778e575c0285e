#include "runtime/model/cpu_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/model/cpu_vectors.h"

namespace hat {
namespace {

using namespace cpu;

constexpr int64_t kBlock = 64;  // slots whose keys or values stay in the first cache

// Queries go in pairs; they and totals stand as WidenPaired leaves them.

// totals[q] += sum over s of weights[q, s] values[s] for q = 0, 1, in four vectors of the
// dimension.
template <typename T>
HAT_INLINE void MixFour(const WideOf<T>* weights, const T* values, int64_t slots, int64_t dim,
                        WideOf<T>* totals) {
  using Wide = WideOf<T>;
  constexpr int64_t k = kLanes<Wide>;
  Vector<Wide> a0 = {}, a1 = {}, a2 = {}, a3 = {}, b0 = {}, b1 = {}, b2 = {}, b3 = {};
  Vector<Wide> first, second;
  for (int64_t s = 0; s < slots; ++s, values += dim) {
    const Wide a = weights[s];
    const Wide b = weights[kBlock + s];
    LoadPair(values, first, second);
    a0 += a * first, a1 += a * second, b0 += b * first, b1 += b * second;
    LoadPair(values + 2 * k, first, second);
    a2 += a * first, a3 += a * second, b2 += b * first, b3 += b * second;
  }
  const Vector<Wide> sums[] = {a0, a1, a2, a3, b0, b1, b2, b3};
  for (int v = 0; v < 8; ++v) {
    Wide* const to = totals + v / 4 * dim + v % 4 * k;
    Store<Wide, 32>(Load(to) + sums[v], to);
  }
}

// The same for two vectors, and for one number.
template <typename T>
HAT_INLINE void MixTwo(const WideOf<T>* weights, const T* values, int64_t slots, int64_t dim,
                       WideOf<T>* totals) {
  using Wide = WideOf<T>;
  Vector<Wide> a0 = {}, a1 = {}, b0 = {}, b1 = {}, first, second;
  for (int64_t s = 0; s < slots; ++s) {
    LoadPair(values + s * dim, first, second);
    a0 += weights[s] * first, a1 += weights[s] * second;
    b0 += weights[kBlock + s] * first, b1 += weights[kBlock + s] * second;
  }
  const Vector<Wide> sums[] = {a0, a1, b0, b1};
  for (int v = 0; v < 4; ++v) {
    Wide* const to = totals + v / 2 * dim + v % 2 * kLanes<Wide>;
    Store<Wide, 32>(Load(to) + sums[v], to);
  }
}
template <typename T>
HAT_INLINE void MixNumber(const WideOf<T>* weights, const T* values, int64_t slots, int64_t dim,
                          WideOf<T>* totals) {
  for (int64_t s = 0; s < slots; ++s) {
    totals[0] += weights[s] * Widened(values[s * dim]);
    totals[dim] += weights[kBlock + s] * Widened(values[s * dim]);
  }
}

// Turns a block's scores into exp(score - best) and adds them to `sum`; sum and totals are scaled
// if the best of the scores so far grew.
template <typename Wide>
HAT_INLINE void Weigh(Wide* scores, Wide& best, Wide& sum, Wide* totals, int64_t dim) {
  Vector<Wide> bests = Load(scores);
  for (int64_t s = kLanes<Wide>; s < kBlock; s += kLanes<Wide>) {
    const Vector<Wide> more = Load(scores + s);
    bests = more > bests ? more : bests;
  }
  Wide new_best = best;
  for (int64_t i = 0; i < kLanes<Wide>; ++i) new_best = std::max(new_best, Wide{bests[i]});
  if (new_best > best) {
    const Wide factor = Exp(best - new_best);
    best = new_best;
    sum *= factor;
    for (int64_t i = 0; i < dim; ++i) totals[i] *= factor;
  }
  const Wide from = best < std::numeric_limits<Wide>::lowest() ? 0 : best;  // all is hidden yet
  Vector<Wide> sums = {};
  for (int64_t s = 0; s < kBlock; s += kLanes<Wide>) {
    const Vector<Wide> weights = ExpEach<Wide>(Load(scores + s) - from);
    sums += weights;
    Store<Wide, 32>(weights, scores + s);
  }
  sum += Sum<Wide>(sums);
}

template <typename T>
struct Attention {
  using Wide = WideOf<T>;

  static HAT_INLINE void Run(const HeadOfQueries<T>* head, Wide* scratch) {
    const HeadOfQueries<T>& h = *head;
    const int64_t n = (h.rows * h.group + 1) / 2 * 2;  // a last query without a partner gets one
    Wide* const queries = scratch;                     // [n, dim]
    Wide* const totals = queries + n * h.dim;          // [n, dim]
    Wide* const scores = totals + n * h.dim;           // [n, kBlock]
    Wide* const bests = scores + n * kBlock;           // [n], of the scores so far
    Wide* const sums = bests + n;                      // [n], of exp(score - best)
    std::fill(queries, scores, Wide{0});
    std::fill(bests, sums, -std::numeric_limits<Wide>::infinity());
    std::fill(sums, sums + n, Wide{0});
    Start(h, queries);
    for (int64_t first = 0; first < h.slots; first += kBlock) {
      const int64_t count = std::min(kBlock, h.slots - first);
      for (int64_t q = 0; q < n; q += 2) {
        Score(queries + q * h.dim, h.keys + first * h.dim, count, h.dim, scores + q * kBlock);
      }
      for (int64_t q = 0; q < n; ++q) {
        Hide(h, q / h.group, first, count, scores + q * kBlock);
        Weigh(scores + q * kBlock, bests[q], sums[q], totals + q * h.dim, h.dim);
      }
      for (int64_t q = 0; q < n; q += 2) {
        Mix(scores + q * kBlock, h.values + first * h.dim, count, h.dim, totals + q * h.dim);
      }
    }
    Finish(h, totals, sums);
  }

  static HAT_INLINE void Start(const HeadOfQueries<T>& h, Wide* queries) {
    const Wide scale = 1 / std::sqrt(static_cast<Wide>(h.dim));
    for (int64_t q = 0; q < h.rows * h.group; ++q) {
      const T* const query = h.queries + q / h.group * h.query_stride + q % h.group * h.dim;
      WidenPaired<T>(query, h.dim, scale, queries + q * h.dim);
    }
  }

  static HAT_INLINE void Score(const Wide* queries, const T* keys, int64_t slots, int64_t dim,
                               Wide* scores) {
    int64_t s = 0;
    for (; s + 4 <= slots; s += 4) {
      DotTwoByFour<T>(queries, keys + s * dim, dim, scores + s, kBlock);
    }
    for (; s < slots; ++s) {
      scores[s] = Dot<T>(queries, keys + s * dim, dim);
      scores[kBlock + s] = Dot<T>(queries + dim, keys + s * dim, dim);
    }
  }

  // What the row does not see of a block, and what is not there.
  static HAT_INLINE void Hide(const HeadOfQueries<T>& h, int64_t row, int64_t first, int64_t count,
                              Wide* scores) {
    const int64_t seen = h.mask != nullptr ? count : h.slots - h.rows + 1 + row - first;
    if (h.mask != nullptr && row < h.rows) {
      for (int64_t s = 0; s < count; ++s) scores[s] += h.mask[row * h.slots + first + s];
    }
    const int64_t from = std::clamp<int64_t>(seen, 0, count);
    std::fill(scores + from, scores + kBlock, -std::numeric_limits<Wide>::infinity());
  }

  static HAT_INLINE void Mix(const Wide* weights, const T* values, int64_t slots, int64_t dim,
                             Wide* totals) {
    constexpr int64_t k = kPair<Wide>;
    int64_t i = 0;
    for (; i + 2 * k <= dim; i += 2 * k) MixFour<T>(weights, values + i, slots, dim, totals + i);
    for (; i + k <= dim; i += k) MixTwo<T>(weights, values + i, slots, dim, totals + i);
    for (; i < dim; ++i) MixNumber<T>(weights, values + i, slots, dim, totals + i);
  }

  static HAT_INLINE void Finish(const HeadOfQueries<T>& h, const Wide* totals, const Wide* sums) {
    for (int64_t q = 0; q < h.rows * h.group; ++q) {
      T* const out = h.out + q / h.group * h.out_stride + q % h.group * h.dim;
      NarrowPaired<T>(totals + q * h.dim, h.dim, 1 / sums[q], out);
    }
  }
};

}  // namespace

int64_t AttentionScratch(int64_t queries, int64_t dim) {
  return (queries + 1) * (2 * dim + kBlock + 2);
}

template <typename T>
void AttendHead(const HeadOfQueries<T>& head, WideOf<T>* scratch) {
  Run<Attention<T>>(&head, scratch);
}
template void AttendHead(const HeadOfQueries<double>&, double*);
template void AttendHead(const HeadOfQueries<float>&, float*);
template void AttendHead(const HeadOfQueries<Bf16>&, float*);

}  // namespace hat
