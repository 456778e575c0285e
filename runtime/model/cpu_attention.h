// Attention of a few queries on the CPU, on plain memory: the queries that share keys go together,
// so that each key and value is read from memory once. Free of torch; cpu_operations.h has the
// tensors and the threads.
#pragma once

#include <cstdint>

#include "runtime/model/cpu_kernels.h"

namespace hat {

// One key-value head of one sequence: `group` query heads for each of `rows` tokens.
template <typename T>
struct HeadOfQueries {
  const T* queries;  // of row i, head j: [dim] at queries + i * query_stride + j * dim
  T* out;            // likewise, with out_stride
  int64_t query_stride, out_stride;
  const T* keys;    // [slots, dim]
  const T* values;  // the same
  const float*
      mask;  // [rows, slots] of 0 and -inf; null: row i sees the first slots - rows + 1 + i
  int64_t rows, group, slots, dim;
};

// Wide values that AttendHead needs beside it.
int64_t AttentionScratch(int64_t queries, int64_t dim);

// out = softmax(queries keys^T / sqrt(dim) + mask) values. Each row must see a slot. T = double,
// float, Bf16.
template <typename T>
void AttendHead(const HeadOfQueries<T>& head, WideOf<T>* scratch);

}  // namespace hat
