// However a computation is cut up, its result is the same.
#include <gtest/gtest.h>

#include "tests/core/expect_error.h"
#include "tests/runtime/model/tiny_model.h"

namespace hat {
namespace {

using testing::HasSubstr;

constexpr int kTokens = 41;

class ForwardTest : public testing::TestWithParam<int> {
 protected:
  ForwardTest()
      : model_(TinyModel(GetParam())),
        layers_(model_.config.shape.layer_count()),
        whole_(model_, layers_, kExact),
        ids_(RandomIds(GetParam(), kTokens, model_.config.shape.vocabulary)),
        expected_(RunAlone(whole_, ids_)) {}

  // `count` tokens from `first` on, as a chain after the cache's last slot.
  at::Tensor Continue(KvCache& cache, const std::vector<int32_t>& ids) const {
    const SequencePart part{&cache, static_cast<int>(ids.size()), {}};
    return whole_.Forward(ids, {&part, 1});
  }

  at::Tensor Tree(KvCache& cache, const std::vector<int32_t>& ids,
                  const std::vector<int32_t>& parents) const {
    const SequencePart part{&cache, static_cast<int>(ids.size()), parents};
    return whole_.Forward(ids, {&part, 1});
  }

  // The last token's state when the whole path runs alone. [1, hidden]
  at::Tensor LastAlone(std::vector<int32_t> ids, const std::vector<int32_t>& more) const {
    ids.insert(ids.end(), more.begin(), more.end());
    return Rows(RunAlone(whole_, ids), static_cast<int64_t>(ids.size()) - 1, 1);
  }

  Model model_;
  int layers_;
  InputModel whole_;
  std::vector<int32_t> ids_;
  at::Tensor expected_;  // [kTokens, hidden]
};

TEST_P(ForwardTest, SplitEqualsWhole) {
  for (int split = 0; split <= layers_; ++split) {
    for (int stage_end = split; stage_end <= layers_; ++stage_end) {
      const InputModel first(model_, split, kExact);
      const MiddleModel stage(model_, split, stage_end, kExact);
      const MiddleModel last(model_, stage_end, layers_, kExact);
      KvCache stage_cache = stage.MakeCache();
      KvCache last_cache = last.MakeCache();
      const SequencePart in_stage{&stage_cache, kTokens, {}};
      const SequencePart in_last{&last_cache, kTokens, {}};
      const at::Tensor states =
          last.Forward(stage.Forward(RunAlone(first, ids_), {&in_stage, 1}), {&in_last, 1});
      EXPECT_LT(Distance(states, expected_), kSame) << split << " " << stage_end;
    }
  }
}

TEST_P(ForwardTest, ChunkedEqualsOnePiece) {
  for (const int chunk : {1, 3, 16, 40}) {
    KvCache cache = whole_.MakeCache();
    for (int first = 0; first < kTokens; first += chunk) {
      const int count = std::min(chunk, kTokens - first);
      EXPECT_LT(Distance(Continue(cache, Slice(ids_, first, count)), Rows(expected_, first, count)),
                kSame)
          << chunk << " " << first;
    }
    EXPECT_EQ(cache.size(), kTokens);
  }
}

TEST_P(ForwardTest, TruncatedAndContinuedEqualsFresh) {
  KvCache cache = whole_.MakeCache();
  Continue(cache, Slice(ids_, 0, 20));
  Continue(cache, RandomIds(99, 9, model_.config.shape.vocabulary));
  cache.TruncateTo(20);
  EXPECT_LT(Distance(Continue(cache, Slice(ids_, 20, 21)), Rows(expected_, 20, 21)), kSame);
}

TEST_P(ForwardTest, EachNodeOfATreeEqualsItsPathAlone) {
  KvCache cache = whole_.MakeCache();
  const std::vector<int32_t> prompt = Slice(ids_, 0, 12);
  Continue(cache, prompt);
  // Node 0 is the root; 1, 2 below it; 3, 4 below 1; 5 below 2; 6 below 4.
  const std::vector<int32_t> nodes = Slice(ids_, 20, 7);
  const at::Tensor states = Tree(cache, nodes, {11, 12, 12, 13, 13, 14, 16});
  const std::vector<std::vector<int>> paths = {{0},       {0, 1},    {0, 2},      {0, 1, 3},
                                               {0, 1, 4}, {0, 2, 5}, {0, 1, 4, 6}};
  for (int node = 0; node < 7; ++node) {
    std::vector<int32_t> path;
    for (const int step : paths[node]) path.push_back(nodes[step]);
    EXPECT_LT(Distance(Rows(states, node, 1), LastAlone(prompt, path)), kSame) << node;
    EXPECT_EQ(cache.position(12 + node), 11 + static_cast<int>(path.size()));
  }
}

TEST_P(ForwardTest, EachNodeOfALargeTreeEqualsItsPathAlone) {
  KvCache cache = whole_.MakeCache();
  const std::vector<int32_t> prompt = Slice(ids_, 0, 12);
  Continue(cache, prompt);
  const std::vector<int32_t> nodes = Slice(ids_, 15, 21);
  std::vector<int32_t> parents = {11};
  for (int node = 1; node < 21; ++node) parents.push_back(12 + (node - 1) / 2);
  const at::Tensor states = Tree(cache, nodes, parents);
  for (const int node : {0, 7, 8, 13, 20}) {
    std::vector<int32_t> path;
    for (int at = node; at >= 0; at = parents[at] - 12) path.insert(path.begin(), nodes[at]);
    EXPECT_LT(Distance(Rows(states, node, 1), LastAlone(prompt, path)), kSame) << node;
  }
}

TEST_P(ForwardTest, BranchesGrowOverCallsInOneCache) {
  KvCache cache = whole_.MakeCache();
  const std::vector<int32_t> prompt = Slice(ids_, 0, 9);
  Continue(cache, prompt);
  Tree(cache, Slice(ids_, 10, 3), {8, 8, 8});                              // slots 9..11
  const at::Tensor second = Tree(cache, Slice(ids_, 13, 3), {9, 10, 11});  // slots 12..14
  const at::Tensor third = Tree(cache, Slice(ids_, 16, 3), {12, 13, 14});
  for (int branch = 0; branch < 3; ++branch) {
    const std::vector<int32_t> two = {ids_[10 + branch], ids_[13 + branch]};
    const std::vector<int32_t> three = {two[0], two[1], ids_[16 + branch]};
    EXPECT_LT(Distance(Rows(second, branch, 1), LastAlone(prompt, two)), kSame);
    EXPECT_LT(Distance(Rows(third, branch, 1), LastAlone(prompt, three)), kSame);
  }
}

TEST_P(ForwardTest, KeepLeavesThePathAsIfItHadRunAlone) {
  KvCache cache = whole_.MakeCache();
  Continue(cache, Slice(ids_, 0, 12));
  std::vector<int32_t> nodes = RandomIds(7, 7, model_.config.shape.vocabulary);
  nodes[0] = ids_[12];
  nodes[2] = ids_[13];
  nodes[5] = ids_[14];
  Tree(cache, nodes, {11, 12, 12, 13, 13, 14, 16});
  cache.Keep(12, std::vector<int32_t>{0, 2, 5});
  EXPECT_EQ(cache.size(), 15);
  EXPECT_EQ(cache.chain(), 15);
  EXPECT_LT(Distance(Continue(cache, Slice(ids_, 15, 26)), Rows(expected_, 15, 26)), kSame);
}

TEST_P(ForwardTest, RaggedBatchEqualsEachSequenceAlone) {
  std::vector<KvCache> caches;
  for (int i = 0; i < 4; ++i) caches.push_back(whole_.MakeCache());
  Continue(caches[1], Slice(ids_, 0, 17));
  Continue(caches[2], Slice(ids_, 0, 5));
  Continue(caches[3], Slice(ids_, 0, 30));
  std::vector<int32_t> ids = Slice(ids_, 0, 8);  // a fresh prompt
  for (const int id : {17, 5, 6, 7, 30, 31}) ids.push_back(ids_[id]);
  // One token after 17; a root with two children after 5; a chain of two after 30.
  const std::vector<SequencePart> parts = {
      {&caches[0], 8, {}}, {&caches[1], 1, {}}, {&caches[2], 3, {4, 5, 5}}, {&caches[3], 2, {}}};
  const at::Tensor states = whole_.Forward(ids, parts);
  EXPECT_LT(Distance(Rows(states, 0, 8), Rows(expected_, 0, 8)), kSame);
  EXPECT_LT(Distance(Rows(states, 8, 1), Rows(expected_, 17, 1)), kSame);
  EXPECT_LT(Distance(Rows(states, 9, 2), Rows(expected_, 5, 2)), kSame);
  EXPECT_LT(Distance(Rows(states, 11, 1), LastAlone(Slice(ids_, 0, 6), {ids_[7]})), kSame);
  EXPECT_LT(Distance(Rows(states, 12, 2), Rows(expected_, 30, 2)), kSame);
}

TEST_P(ForwardTest, ACloneGoesItsOwnWay) {
  KvCache cache = whole_.MakeCache();
  Continue(cache, Slice(ids_, 0, 20));
  KvCache clone = cache.Clone();
  Continue(clone, RandomIds(3, 15, model_.config.shape.vocabulary));
  EXPECT_EQ(cache.size(), 20);
  EXPECT_LT(Distance(Continue(cache, Slice(ids_, 20, 21)), Rows(expected_, 20, 21)), kSame);
  clone.TruncateTo(20);
  EXPECT_LT(Distance(Continue(clone, Slice(ids_, 20, 21)), Rows(expected_, 20, 21)), kSame);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ForwardTest, testing::Range(1, 9));

TEST(ForwardLimitsTest, APromptOfManyBlocksEqualsItsChunks) {
  const Model model = TinyModel(3);
  const InputModel whole(model, model.config.shape.layer_count(), kExact);
  const std::vector<int32_t> ids = RandomIds(1, 511, model.config.shape.vocabulary);
  const at::Tensor expected = RunAlone(whole, ids);
  KvCache cache = whole.MakeCache();
  for (int first = 0; first < 511; first += 73) {
    const SequencePart part{&cache, 73, {}};
    const at::Tensor states = whole.Forward(Slice(ids, first, 73), {&part, 1});
    EXPECT_LT(Distance(states, Rows(expected, first, 73)), kSame) << first;
  }
}

TEST(ForwardLimitsTest, APositionBeyondTheModelsIsRefusedAndLeavesTheCache) {
  const Model model = TinyModel(1);
  const InputModel whole(model, 1, kExact);
  KvCache cache = whole.MakeCache();
  const std::vector<int32_t> ids(513, 1);
  const SequencePart part{&cache, 513, {}};
  EXPECT_INPUT_ERROR(whole.Forward(ids, {&part, 1}), HasSubstr("position 512"));
  EXPECT_EQ(cache.size(), 0);
  const SequencePart fits{&cache, 512, {}};
  EXPECT_EQ(whole.Forward(Slice(ids, 0, 512), {&fits, 1}).size(0), 512);
}

TEST(ForwardLimitsTest, AnIdOutsideTheVocabularyIsRefused) {
  const Model model = TinyModel(1);
  const InputModel whole(model, 1, kExact);
  const int vocabulary = model.config.shape.vocabulary;
  EXPECT_INPUT_ERROR(RunAlone(whole, {0, vocabulary}),
                     HasSubstr("token " + std::to_string(vocabulary)));
  EXPECT_INPUT_ERROR(RunAlone(whole, {-1}), HasSubstr("0.." + std::to_string(vocabulary - 1)));
}

TEST(ForwardLimitsTest, NarrowTypesStayNearTheExactStates) {
  const Model model = TinyModel(5);
  const std::vector<int32_t> ids = RandomIds(1, 30, model.config.shape.vocabulary);
  const int layers = model.config.shape.layer_count();
  const at::Tensor exact = RunAlone(InputModel(model, layers, kExact), ids);
  EXPECT_LT(Distance(RunAlone(InputModel(model, layers, {}), ids), exact), 1e-5);
  const InputModel narrow(model, layers, {Dtype::kBfloat16, "cpu"});
  EXPECT_LT(Distance(RunAlone(narrow, ids), exact), 0.1);
  KvCache cache = narrow.MakeCache();
  for (int i = 0; i < 30; ++i) {  // few rows go another way
    const SequencePart part{&cache, 1, {}};
    const at::Tensor state = narrow.Forward(Slice(ids, i, 1), {&part, 1});
    EXPECT_LT(Distance(state, Rows(exact, i, 1)), 0.1) << i;
  }
}

TEST(ForwardLimitsTest, TheCpuRefusesFp16AndUnknownDevicesAreNamed) {
  const Model model = TinyModel(1);
  EXPECT_INPUT_ERROR(InputModel(model, 1, {Dtype::kFloat16, "cpu"}), HasSubstr("fp16"));
  EXPECT_INPUT_ERROR(InputModel(model, 1, {Dtype::kFloat32, "tpu"}), HasSubstr("'tpu'"));
  EXPECT_INPUT_ERROR(OutputHead(model, {Dtype::kFloat32, "cuda:77"}), HasSubstr("'cuda:77'"));
}

}  // namespace
}  // namespace hat
