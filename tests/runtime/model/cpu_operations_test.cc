// Kernels of the CPU against the formulas of layer_math.h.
#include "runtime/model/cpu_operations.h"

#include <mutex>
#include <set>
#include <thread>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "runtime/model/cpu_attention.h"
#include "runtime/model/submodels.h"
#include "runtime/model/torch_compute.h"
#include "tests/runtime/model/tiny_model.h"

namespace hat {
namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();

at::Tensor Random(const std::vector<int64_t>& sizes, at::ScalarType type, const char* name) {
  return RandomTensor(sizes, 2, 1, name).to(type);
}

struct Type {
  at::ScalarType scalar;
  double near;  // of its results
};
constexpr Type kTypes[] = {{at::kDouble, 1e-13}, {at::kFloat, 3e-6}, {at::kBFloat16, 1e-2}};

struct Case {
  int64_t rows, group, dim, slots;
};
constexpr Case kCases[] = {{1, 1, 64, 1},   {1, 4, 64, 64}, {8, 3, 64, 200}, {3, 1, 6, 70},
                           {2, 8, 80, 131}, {5, 5, 37, 65}, {8, 1, 16, 8},   {4, 2, 128, 66}};

template <typename T>
at::Tensor Run(const Case& at_case, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
               const at::Tensor& mask) {
  const auto [rows, group, dim, slots] = at_case;
  at::Tensor out = at::empty_like(q);  // [rows, group, dim]
  const auto data = [](const at::Tensor& tensor) { return static_cast<T*>(tensor.data_ptr()); };
  std::vector<WideOf<T>> scratch(AttentionScratch(rows * group, dim));
  AttendHead<T>({data(q), data(out), group * dim, group * dim, data(k), data(v),
                 mask.defined() ? mask.data_ptr<float>() : nullptr, rows, group, slots, dim},
                scratch.data());
  return out;
}

// Distance to Attend() in fp64.
double ErrorOf(const Case& at_case, const Type& type, const at::Tensor& mask) {
  const auto [rows, group, dim, slots] = at_case;
  const at::Tensor q = Random({rows, group, dim}, type.scalar, "q");
  const at::Tensor k = Random({slots, dim}, type.scalar, "k");
  const at::Tensor v = Random({slots, dim}, type.scalar, "v");
  const at::Tensor out = type.scalar == at::kDouble  ? Run<double>(at_case, q, k, v, mask)
                         : type.scalar == at::kFloat ? Run<float>(at_case, q, k, v, mask)
                                                     : Run<Bf16>(at_case, q, k, v, mask);
  const at::Tensor seen =
      mask.defined() ? mask.to(at::kDouble) : CausalMask(rows, slots, at::kDouble);
  const at::Tensor exact = Attend(q.to(at::kDouble).transpose(0, 1), k.to(at::kDouble).unsqueeze(0),
                                  v.to(at::kDouble).unsqueeze(0), seen);  // [group, rows, dim]
  return Distance(out.to(at::kDouble), exact.transpose(0, 1));
}

TEST(CpuOperationsTest, AttentionOfAChainIsTheFormulas) {
  for (const Type& type : kTypes) {
    for (const Case& at_case : kCases) {
      EXPECT_LT(ErrorOf(at_case, type, {}), type.near) << type.scalar << " " << at_case.slots;
    }
  }
}

// What is hidden: a random half, and all of the first hundred slots from every other row.
TEST(CpuOperationsTest, AttentionUnderAMaskIsTheFormulas) {
  for (const Type& type : kTypes) {
    for (const Case& at_case : kCases) {
      const auto [rows, group, dim, slots] = at_case;
      at::Tensor mask = at::zeros({rows, slots});
      mask.masked_fill_(RandomTensor({rows, slots}, 1, 2, "mask") > 0, kHidden);
      for (int64_t row = 0; row < rows; row += 2) {
        mask[row].narrow(0, 0, std::min<int64_t>(100, slots)).fill_(kHidden);
      }
      mask.select(1, slots - 1).fill_(0);
      EXPECT_LT(ErrorOf(at_case, type, mask), type.near) << type.scalar << " " << slots;
    }
  }
}

// Without OpenMP's flag libtorch's loop is compiled into a plain one.
TEST(CpuOperationsTest, ALoopHasTheThreadsThatAreAskedFor) {
  const int before = at::get_num_threads();
  for (const int threads : {2, 1}) {
    SetThreads(threads);
    std::mutex mutex;
    std::set<std::thread::id> ids;
    at::parallel_for(0, 8, 1, [&](int64_t, int64_t) {
      const std::lock_guard lock(mutex);
      ids.insert(std::this_thread::get_id());
    });
    EXPECT_EQ(ids.size(), static_cast<size_t>(threads));
  }
  SetThreads(before);
}

TEST(CpuOperationsTest, LinearIsAtensForAnyNumberOfRows) {
  for (const Type& type : kTypes) {
    for (const int64_t rows : {1, 2, 3, 8, 17, 64, 65}) {
      // One thread takes all 130 outputs of 5, several tiles; threads share 1030 of 64.
      for (const auto& [in, out] :
           {std::pair<int64_t, int64_t>{5, 1}, {5, 130}, {40, 7}, {64, 1030}}) {
        const at::Tensor x = Random({rows, in}, type.scalar, "x");
        const at::Tensor weight = Random({out, in}, type.scalar, "weight");
        const at::Tensor more = Random({rows, out}, type.scalar, "more");
        const at::Tensor exact = at::linear(x.to(at::kDouble), weight.to(at::kDouble));
        EXPECT_LT(Distance(CpuLinear(x, weight).to(at::kDouble), exact), type.near) << rows;
        EXPECT_LT(Distance(CpuLinear(x, weight, more).to(at::kDouble), exact + more), type.near)
            << rows;
        const at::Tensor wide = CpuLinear(x, weight, {}, /*wide=*/true);
        EXPECT_EQ(wide.scalar_type(), type.scalar == at::kDouble ? at::kDouble : at::kFloat);
        EXPECT_LT(Distance(wide.to(at::kDouble), exact), std::min(type.near, 3e-6)) << rows;
      }
    }
  }
}

// To the bit: a profile adds up what sequences take one by one. Nor on the threads.
TEST(CpuOperationsTest, ASequencesAttentionDoesNotDependOnItsBatch) {
  const Model model = TinyModel(4);
  const AttentionShape shape = AttentionShapeOf(model.config);
  const RotaryTable rotary = MakeRotaryTable(model.config, shape.head_dim, 512, {});
  const MiddleModel layer(model, 0, 1, {});
  const int64_t width = (shape.heads + 2 * shape.kv_heads) * shape.head_dim;
  const auto attend = [&](const std::vector<int>& tokens) {
    std::vector<KvCache> caches;
    std::vector<SequencePart> parts;
    std::vector<at::Tensor> rows;
    for (const int count : tokens) {
      caches.push_back(layer.MakeCache());
      rows.push_back(Random({count, width}, at::kFloat, std::to_string(count).c_str()));
    }
    for (size_t i = 0; i < tokens.size(); ++i) parts.push_back({&caches[i], tokens[i], {}});
    at::Tensor qkv = at::cat(rows);
    return CpuAttention(qkv, shape, PlanBatch(parts, shape, rotary, 512, {}), 0);
  };
  const at::Tensor together = attend({3, 21, 1});
  EXPECT_TRUE(at::equal(together.narrow(0, 0, 3), attend({3})));
  EXPECT_TRUE(at::equal(together.narrow(0, 3, 21), attend({21})));
  EXPECT_TRUE(at::equal(together.narrow(0, 24, 1), attend({1})));

  const int before = at::get_num_threads();
  SetThreads(1);
  const at::Tensor of_one_thread = attend({500});
  SetThreads(2);
  EXPECT_TRUE(at::equal(attend({500}), of_one_thread));
  SetThreads(before);
}

}  // namespace
}  // namespace hat
