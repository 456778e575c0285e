#include "tests/bench/runtime_bench.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "core/files.h"
#include "core/machine.h"
#include "core/terminal_text.h"
#include "runtime/model/submodels.h"
#include "runtime/model/torch_compute.h"
#include "tests/bench/runtime_attention.h"
#include "tests/bench/times.h"

namespace hat {
namespace {

constexpr int kRepeats = 7;

// Bytes per second that `threads` threads read from memory, each its own part of 1 GiB.
double ReadBandwidth(int threads) {
  std::vector<uint64_t> memory(size_t{1} << 27, 1);
  std::vector<uint64_t> sums(static_cast<size_t>(threads));
  const size_t part = memory.size() / static_cast<size_t>(threads);
  const Times times = TimesOf(kRepeats, [&] {
    std::vector<std::thread> readers;
    for (size_t i = 0; i < sums.size(); ++i) {
      readers.emplace_back([&, i] {
        uint64_t sum = 0;
        for (size_t k = i * part; k < (i + 1) * part; ++k) sum += memory[k];
        sums[i] = sum;
      });
    }
    for (std::thread& reader : readers) reader.join();
  });
  for (const uint64_t sum : sums) HAT_CHECK(sum == part);
  return static_cast<double>(sums.size() * part * sizeof(uint64_t)) / times.least;
}

// Floating-point operations per second of one large product. Without units for bf16 it is so slow
// in that type that a smaller one must do.
double ProductRate(Dtype dtype) {
  const int64_t size = dtype == Dtype::kBfloat16 ? 512 : 2048;
  const at::TensorOptions options = OptionsOf({dtype, "cpu"});
  const at::Tensor a = at::ones({size, size}, options);
  const at::Tensor b = at::ones({size, size}, options);
  const double work = 2.0 * static_cast<double>(size * size * size);
  return work / TimesOf(3, [&] { at::mm(a, b); }).least;
}

// A layer of separate tensor operations, as one writes it first: the baseline of a layer's
// overhead.
class NaiveLayer {
 public:
  NaiveLayer(int64_t hidden, const LayerShape& shape) : shape_(shape) {
    const int64_t q = int64_t{shape.heads} * shape.head_dim;
    const int64_t kv = int64_t{shape.kv_heads} * shape.head_dim;
    for (const int64_t out : {q, kv, kv}) projections_.push_back(at::rand({out, hidden}) * 0.1);
    out_ = at::rand({hidden, q}) * 0.1;
    gate_ = at::rand({shape.ffn, hidden}) * 0.1;
    up_ = at::rand({shape.ffn, hidden}) * 0.1;
    down_ = at::rand({hidden, shape.ffn}) * 0.1;
    norm_ = at::ones({hidden});
    cos_ = at::ones({1, shape.head_dim});
    sin_ = at::zeros({1, shape.head_dim});
    keys_ = at::zeros({shape.kv_heads, 64, shape.head_dim});
    values_ = at::zeros({shape.kv_heads, 64, shape.head_dim});
  }

  // x [1, hidden] after `position` others.
  at::Tensor Forward(const at::Tensor& x, int64_t position) {
    const at::Tensor normed = Norm(x);
    const at::Tensor q = Rotated(Heads(at::linear(normed, projections_[0]), shape_.heads));
    keys_.narrow(1, position, 1)
        .copy_(Rotated(Heads(at::linear(normed, projections_[1]), shape_.kv_heads)));
    values_.narrow(1, position, 1)
        .copy_(Heads(at::linear(normed, projections_[2]), shape_.kv_heads));
    const int64_t group = shape_.heads / shape_.kv_heads;
    const at::Tensor keys = keys_.narrow(1, 0, position + 1).repeat_interleave(group, 0);
    const at::Tensor values = values_.narrow(1, 0, position + 1).repeat_interleave(group, 0);
    const at::Tensor scores =
        at::matmul(q, keys.transpose(1, 2)) / std::sqrt(static_cast<double>(shape_.head_dim));
    const at::Tensor mixed =
        at::matmul(at::softmax(scores, -1), values).transpose(0, 1).reshape({1, -1});
    const at::Tensor attended = x + at::linear(mixed, out_);
    const at::Tensor again = Norm(attended);
    return attended +
           at::linear(at::silu(at::linear(again, gate_)) * at::linear(again, up_), down_);
  }

 private:
  at::Tensor Norm(const at::Tensor& x) const {
    return x * at::rsqrt(x.pow(2).mean(-1, true) + 1e-5) * norm_;
  }
  at::Tensor Heads(const at::Tensor& x, int64_t heads) const {
    return x.view({1, heads, shape_.head_dim}).transpose(0, 1);
  }
  at::Tensor Rotated(const at::Tensor& x) const {
    const int64_t half = shape_.head_dim / 2;
    const at::Tensor turned = at::cat({-x.narrow(2, half, half), x.narrow(2, 0, half)}, 2);
    return x * cos_ + turned * sin_;
  }

  LayerShape shape_;
  std::vector<at::Tensor> projections_;
  at::Tensor out_, gate_, up_, down_, norm_, cos_, sin_, keys_, values_;
};

// Microseconds that a layer takes for one token where its weights are next to nothing: ours, the
// naive.
std::pair<double, double> LayerOverheads() {
  constexpr int kLayers = 24, kPosition = 16;
  const ModelShape shape = LikeLayers("tiny", 64, kLayers, {4, 2, 16, 128}, 64, false);
  const Compute compute;
  const MiddleModel model(RandomModel(ConfigOfShape(shape), 1), 0, kLayers, compute);
  KvCache cache = model.MakeCache(64);
  const auto run = [&](int tokens) {
    const SequencePart part{&cache, tokens, {}};
    model.Forward(at::ones({tokens, shape.hidden}), std::span(&part, 1));
  };
  run(kPosition);
  const auto once = [&] {
    cache.TruncateTo(kPosition);
    run(1);
  };
  const Times ours = TimesOf(200, once, Clock::kThread);
  std::vector<NaiveLayer> layers(kLayers, NaiveLayer(shape.hidden, shape.every_layer()));
  const auto naively = [&] {
    at::Tensor x = at::ones({1, shape.hidden});
    for (NaiveLayer& layer : layers) x = layer.Forward(x, kPosition);
  };
  const Times naive = TimesOf(200, naively, Clock::kThread);
  return {1e6 * ours.median / kLayers, 1e6 * naive.median / kLayers};
}

constexpr int kTogether = 8;  // sequences that are decoded side by side

// The whole model on a few sequences.
class Runner {
 public:
  Runner(const Model& model, const Compute& compute, int sequences, int capacity)
      : compute_(compute),
        input_(model, model.config.shape.layer_count(), compute_),
        head_(model, compute_, &input_) {
    for (int i = 0; i < sequences; ++i) caches_.push_back(input_.MakeCache(capacity));
  }

  // So many new tokens each of the first sequences, after its first `context`.
  void Forward(int tokens, int context = 0, int sequences = 1) {
    const std::vector<int32_t> ids(static_cast<size_t>(tokens * sequences), 1);
    std::vector<SequencePart> parts;
    for (KvCache& cache : std::span(caches_).first(static_cast<size_t>(sequences))) {
      cache.TruncateTo(context);
      parts.push_back({&cache, tokens, {}});
    }
    const at::Tensor states = input_.Forward(ids, parts);
    head_.Logits(states.slice(0, tokens - 1, states.size(0), tokens));  // each one's last
  }

 private:
  Compute compute_;
  InputModel input_;
  OutputHead head_;
  std::vector<KvCache> caches_;
};

// Weights that a token's way reads: all but the embedding.
double WeightsRead(const ModelShape& shape) {
  return shape.LayerWeights(0, shape.layer_count()) + shape.EmbeddingWeights();
}

// What the machine can do at best.
struct Floors {
  double bandwidth;  // bytes per second
  double rate;       // operations per second, of the faster type
};

void PrintRow(const std::string& what, const std::string& measured, const std::string& floor,
              double share, const char* aim) {
  std::printf("%s\n  measured  %s\n  floor     %s\n  share     %.2f (aim %s)\n", what.c_str(),
              measured.c_str(), floor.c_str(), share, aim);
  std::fflush(stdout);
}

std::string Text(const char* format, double a, double b) {
  char text[80];
  std::snprintf(text, sizeof text, format, a, b);
  return text;
}

void BenchPrefill(const RuntimeBench& bench, const ModelShape& shape, const std::string& name,
                  const Floors& floors, Runner& runner) {
  const Times times = TimesOf(3, [&] { runner.Forward(bench.prompt_tokens); });
  const LayerShape& layer = shape.every_layer();
  const double work = 2 * shape.LayerWeights(0, shape.layer_count()) * bench.prompt_tokens +
                      2 * shape.EmbeddingWeights() +
                      2.0 * shape.layer_count() * layer.heads * layer.head_dim *
                          bench.prompt_tokens *
                          bench.prompt_tokens;  // attention: causal, queries keys and values
  PrintRow(name + " prefill of " + std::to_string(bench.prompt_tokens),
           Text("%.0f tokens/s (%.0f ms)", bench.prompt_tokens / times.median, 1e3 * times.median),
           Text("%.0f GFLOP at %.0f GFLOP/s", work / 1e9, floors.rate / 1e9),
           work / floors.rate / times.median, ">= 0.60");
}

// A token each of so many sequences. The floor: the weights are read once, or all is multiplied.
void BenchDecode(const RuntimeBench& bench, const std::string& name, double bytes, double weights,
                 int sequences, const Floors& floors, Runner& runner) {
  const int context = std::min(64, bench.prompt_tokens);
  runner.Forward(context, 0, sequences);
  const Times times = TimesOf(bench.decode_tokens, [&] { runner.Forward(1, context, sequences); });
  const double read_s = bytes / floors.bandwidth,
               multiply_s = 2 * weights * sequences / floors.rate;
  PrintRow(name + " decode, one token" +
               (sequences == 1 ? "" : " of " + std::to_string(sequences) + " sequences") +
               " after " + std::to_string(context),
           Text("%.1f tokens/s (%.1f ms)", sequences / times.median, 1e3 * times.median),
           read_s > multiply_s ? Text("%.0f MB at %.1f GB/s", bytes / 1e6, floors.bandwidth / 1e9)
                               : Text("%.0f GFLOP at %.0f GFLOP/s", 2 * weights * sequences / 1e9,
                                      floors.rate / 1e9),
           std::max(read_s, multiply_s) / times.median, sequences == 1 ? ">= 0.70" : "none");
}

void BenchCompute(const RuntimeBench& bench, const Model& model, const Compute& compute,
                  const Floors& floors) {
  const ModelShape& shape = model.config.shape;
  const std::string name =
      std::string(Name(compute.dtype)) + (compute.has_int8_weights ? ", int8 weights:" : "");
  Runner runner(model, compute, kTogether, bench.prompt_tokens + 64);
  const double weights = WeightsRead(shape);
  const double bytes = weights * (compute.has_int8_weights ? 1 : BytesPerValue(compute.dtype));
  for (const int sequences : {1, kTogether}) {
    BenchDecode(bench, name, bytes, weights, sequences, floors, runner);
  }
  BenchPrefill(bench, shape, name, floors, runner);
}

void BenchOverhead() {
  const auto [ours, naive] = LayerOverheads();
  PrintRow("a layer's overhead, one token, processor time", Text("%.1f us", ours, 0),
           Text("of separate ATen calls %.1f us", naive, 0), ours / naive, "<= 0.50");
}

// The largest resident set of a process that does `body`; a failure there is one here.
double PeakBytes(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      body();
      _exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      _exit(1);
    }
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  if (status != 0) throw RunError("a measurement of memory failed");
  return 1024.0 * static_cast<double>(usage.ru_maxrss);
}

// A model of random weights, read from a file that no folder lists any more. A process of its own
// draws the weights, so that the memory is not this one's.
Model StoredModel(const ModelConfig& config, int threads) {
  const std::string folder =
      std::filesystem::temp_directory_path() / ("hat-bench-runtime-" + std::to_string(getpid()));
  try {
    PeakBytes([&] {
      SetThreads(threads);
      WriteModel(folder, RandomModel(config, 1), Dtype::kBfloat16);
    });
    Model model = OpenModel(folder);
    std::filesystem::remove_all(folder);
    return model;
  } catch (const std::exception&) {
    std::filesystem::remove_all(folder);
    throw;
  }
}

// In processes of their own, before this one has threads.
void BenchMemory(const RuntimeBench& bench, const Model& model) {
  const ModelShape& shape = model.config.shape;
  const int capacity = bench.prompt_tokens + bench.decode_tokens;
  const double bare = PeakBytes([] { at::mm(at::ones({8, 8}), at::ones({8, 8})); });
  const double whole = PeakBytes([&] {
    SetThreads(bench.threads);
    const at::NoGradGuard no_grad;
    Runner runner(model, {Dtype::kBfloat16, "cpu"}, 1, capacity);
    runner.Forward(bench.prompt_tokens);
    for (int i = 0; i < bench.decode_tokens; ++i) runner.Forward(1, bench.prompt_tokens + i);
  });
  const double needed = 2 * shape.TotalWeights() +
                        capacity * shape.KvBytesPerToken(0, shape.layer_count(), 2).value();
  PrintRow("bf16 memory, most of a process",
           Text("%.0f MB, of which libtorch alone %.0f", whole / 1e6, bare / 1e6),
           Text("weights and caches %.0f MB", needed / 1e6, 0), (whole - bare) / needed, "<= 1.10");
}

}  // namespace

void RunRuntimeBench(const RuntimeBench& requested) {
  RuntimeBench bench = requested;
  if (bench.threads == 0) bench.threads = CoreCount();
  ModelShape shape = FindModelShape(bench.shape);
  shape.layers.resize(static_cast<size_t>(std::min(shape.layer_count(), bench.layers)));
  const ModelConfig config = ConfigOfShape(shape);
  std::printf("Commit %s, %d threads\n%s%.0f M random weights\n\n", BuildCommit().c_str(),
              bench.threads, Paragraph("", Describe(shape)).c_str(), shape.TotalWeights() / 1e6);
  const Model model = StoredModel(config, bench.threads);
  BenchMemory(bench, model);
  SetThreads(bench.threads);
  const at::NoGradGuard no_grad;
  BenchOverhead();
  const double narrow = ProductRate(Dtype::kBfloat16);
  const double wide = ProductRate(Dtype::kFloat32);
  const Floors floors = {ReadBandwidth(bench.threads), std::max(narrow, wide)};
  for (const bool has_int8_weights : {false, true}) {
    for (const Dtype dtype : {Dtype::kBfloat16, Dtype::kFloat32}) {
      BenchCompute(bench, model, {dtype, "cpu", has_int8_weights}, floors);
    }
  }
  std::printf("\nATen's large products: bf16 %.1f GFLOP/s, fp32 %.1f GFLOP/s.\n", narrow / 1e9,
              wide / 1e9);
  BenchAttention();
}

}  // namespace hat
