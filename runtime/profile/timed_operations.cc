#include "runtime/profile/timed_operations.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/version.h>

#include "core/error.h"
#include "runtime/model/adapter.h"
#include "runtime/model/layer_stack.h"
#include "runtime/model/likeliest.h"
#include "runtime/model/medusa.h"
#include "runtime/model/submodels.h"
#include "runtime/model/torch_compute.h"
#include "runtime/profile/cache_filling.h"
#include "runtime/profile/compose.h"
#include "runtime/profile/stopwatch.h"

namespace hat {
namespace {

constexpr uint64_t kSeed = 1;         // of weights: latencies do not depend on them
constexpr int kLeastGpuLayers = 4;    // in a call: a GPU works behind the program
constexpr int kMostCopies = 16;       // of adapter, head
constexpr int kMostKvCopies = 64;     // of keys and values, for attention
constexpr int kNarrow = 16;           // hidden size of the layers that time attention
constexpr int kLongTokens = 128;      // from here on a call computes for long on what it has read:
constexpr int kLongCopies = 2;        // no more copies than these are gone round
constexpr int kFewestSlots = 64;      // of a cache that is gone round
constexpr int kBranchSlots = 16;      // beside the context, for a draft's branches
constexpr double kMemoryShare = 0.9;  // of what is available
constexpr double kGb = 1e9;

PackedLayer CopyOf(const PackedLayer& layer) {
  PackedLayer copy = layer;
  std::vector<at::Tensor*> tensors = {&copy.attention_norm, &copy.qkv_bias, &copy.q_norm,
                                      &copy.k_norm, &copy.mlp_norm};
  for (WeightMatrix* matrix : {&copy.qkv, &copy.o, &copy.gate_up, &copy.down}) {
    tensors.push_back(&matrix->values);
    tensors.push_back(&matrix->scales);
  }
  for (at::Tensor* tensor : tensors) {
    if (tensor->defined()) *tensor = tensor->clone();
  }
  return copy;
}

// The model's first layer, `count` times in memory.
std::vector<PackedLayer> RingOf(const Model& model, int count, const Compute& compute) {
  std::vector<PackedLayer> ring = {Pack(LoadLayer(model, 0, compute))};
  while (static_cast<int>(ring.size()) < count) ring.push_back(CopyOf(ring[0]));
  return ring;
}

std::vector<int32_t> SomeIds(int count, int vocabulary) {
  std::vector<int32_t> ids;
  for (int i = 0; i < count; ++i)
    ids.push_back(static_cast<int32_t>(int64_t{7919} * i % vocabulary));
  return ids;
}

// Attention alone: layers without an MLP and with weights so narrow that they hardly count.
class NarrowStack {
 public:
  NarrowStack(const Model& model, int layers, int slots, int own_layers, const Compute& compute,
              Stopwatch& stopwatch)
      : layers_(layers),
        own_layers_(own_layers),
        stopwatch_(stopwatch),
        stack_(Layers(model, layers, compute), AttentionShapeOf(model.config), model.config,
               compute),
        no_layers_({}, AttentionShapeOf(model.config), model.config, compute),
        first_(stack_.MakeCache(slots)),
        second_(stack_.MakeCache(kFewestSlots)) {}

  double SampleUs(const at::Tensor& states, int tokens, int context) {
    if (context > filled_) {
      FillCache(first_, context);
      filled_ = context;
    }
    const CallCost one = Cost(states, 1, 0, 1);
    const CallCost two = Cost(states, 1, 0, 2);
    const CallCost call = Cost(states, tokens, context, 1);
    return OneMoreSequenceUs(call, one, two, own_layers_);
  }

 private:
  static std::vector<PackedLayer> Layers(const Model& model, int count, const Compute& compute) {
    const LayerShape& shape = model.config.shape.every_layer();
    const int64_t q = int64_t{shape.heads} * shape.head_dim;
    const int64_t kv = int64_t{shape.kv_heads} * shape.head_dim;
    const auto random = [&](std::vector<int64_t> sizes) {
      return RandomTensor(sizes, 0.4, kSeed, "narrow").to(OptionsOf(compute));
    };
    PackedLayer layer;
    layer.attention_norm = at::ones({kNarrow}, OptionsOf(compute));
    layer.qkv = random({q + 2 * kv, kNarrow});
    layer.o = random({kNarrow, q});
    return std::vector<PackedLayer>(static_cast<size_t>(count), layer);
  }

  // Of one or two sequences of `tokens` tokens after `context`.
  CallCost Cost(const at::Tensor& states, int tokens, int context, int sequences) {
    std::vector<SequencePart> parts = {{&first_, tokens, {}}};
    if (sequences == 2) parts.push_back({&second_, tokens, {}});
    const at::Tensor input = states.narrow(0, 0, tokens * sequences);  // [tokens, kNarrow]
    const auto time_us = [&](const LayerStack& stack) {
      SetContext(first_, context);
      SetContext(second_, 0);
      return stopwatch_.TimeUs([&] { stack.Forward(input, parts); });
    };
    const double plan_us = time_us(no_layers_);
    return {(time_us(stack_) - plan_us) / layers_, plan_us};
  }

  int layers_;
  int own_layers_;
  Stopwatch& stopwatch_;
  LayerStack stack_, no_layers_;
  KvCache first_, second_;
  int filled_ = 0;
};

}  // namespace

Model OpenModelOrShape(const std::string& name, int positions) {
  std::error_code error;
  Model model = std::filesystem::is_directory(name, error)
                    ? OpenModel(name)
                    : RandomModel(ConfigOfShape(FindModelShape(name)), kSeed);
  model.config.max_positions = std::max(model.config.max_positions, positions);
  return model;
}

int CopiesInRing(Bytes ring, double each_bytes, int least, int most) {
  HAT_CHECK(each_bytes > 0 && 1 <= least);
  const double wanted = std::ceil(ring.value() / each_bytes);
  return std::max(1, static_cast<int>(std::min<double>(std::max<double>(wanted, least), most)));
}

class TimedOperations::Parts {
 public:
  Parts(const Model& model, const OperationsSetup& setup)
      : model_(model),
        setup_(setup),
        shape_(model.config.shape),
        layer_(shape_.every_layer()),
        compute_(setup.compute),
        stopwatch_(setup.compute, setup.pause),
        weight_bytes_(BytesPerValue(setup.compute.dtype)),
        rows_((IsDevice() ? 1 : 2) * setup.limits.max_tokens),
        slots_(setup.limits.max_tokens + setup.limits.max_context + kBranchSlots) {
    PlanRing();
    RequireMemory();
    Build();
  }

  TimedCall Sample(const TimedPoint& point) {
    stopwatch_.TakeSpentUs();
    const double us = SampleUs(point);
    return {us, stopwatch_.TakeSpentUs()};
  }

  double SampleUs(const TimedPoint& point) {
    if (point.operation == Operation::kEmbedding) return Embedding(point.tokens);
    if (point.operation == Operation::kLayer) return Layer(point.tokens, point.context);
    if (point.operation == Operation::kAdapter) return AdapterCall(point.tokens, point.context);
    if (point.operation == Operation::kHead) return Head(point.tokens);
    if (point.operation == Operation::kMedusa) return Medusa(point.tokens);
    if (point.operation == Operation::kDraft) return Draft(point.tokens, point.context);
    HAT_CHECK(point.operation == Operation::kAttention, Name(point.operation));
    return Attention(point.tokens, point.context);
  }

  int CopiesAt(const TimedPoint& point) const {
    if (point.operation == Operation::kLayer) return CopiesFor(point.tokens, ring_layers_);
    if (point.operation == Operation::kAdapter) return CopiesFor(point.tokens, adapter_copies_);
    if (point.operation == Operation::kHead) return CopiesFor(point.tokens, head_copies_);
    if (point.operation == Operation::kAttention) return NarrowLayers(point.tokens, point.context);
    return 1;
  }

  int ring_layers() const { return ring_layers_; }

 private:
  static int CopiesFor(int tokens, int copies) {
    return tokens < kLongTokens ? copies : std::min(copies, kLongCopies);
  }
  bool IsDevice() const { return setup_.role == Role::kDevice; }
  int OwnLayers() const { return IsDevice() ? setup_.split : shape_.layer_count() - setup_.split; }
  double LayerBytes() const { return layer_.Weights(shape_.hidden) * weight_bytes_; }
  double AdapterBytes() const { return shape_.AdapterWeights() * weight_bytes_; }
  double HeadBytes() const { return shape_.EmbeddingWeights() * weight_bytes_; }
  double KvBytes(int layers, int slots) const {
    return layers * layer_.KvBytesPerToken(weight_bytes_).value() * slots;
  }

  void PlanRing() {
    const double beside = IsDevice() ? AdapterBytes() + HeadBytes() : 0;
    const double step = OwnLayers() * LayerBytes() + beside;
    ring_ = Bytes(std::min(2 * setup_.last_level_cache.value(), step));
    const int least = compute_.device == "cpu" ? 1 : kLeastGpuLayers;
    ring_layers_ = CopiesInRing(ring_, LayerBytes(), least, shape_.layer_count());
    adapter_copies_ = CopiesInRing(ring_, AdapterBytes(), 1, kMostCopies);
    head_copies_ = CopiesInRing(ring_, HeadBytes(), 1, kMostCopies);
  }

  double NeededBytes() const {
    double bytes = ring_layers_ * (LayerBytes() + KvBytes(1, slots_)) +
                   (1 + head_copies_) * HeadBytes();  // with the embedding
    if (IsDevice()) {
      const double adapter_kv = 2.0 * shape_.hidden * weight_bytes_ * slots_;
      bytes += setup_.split * (LayerBytes() + KvBytes(1, setup_.limits.max_context)) +
               adapter_copies_ * (AdapterBytes() + adapter_kv) +
               4 * shape_.MedusaHeadWeights() * weight_bytes_;
    } else {
      bytes += KvBytes(ring_layers_, setup_.limits.max_tokens);
      for (int layers = 1; layers <= kMostKvCopies; layers *= 2) {
        bytes += KvBytes(layers, NarrowSlots(layers));
      }
    }
    // While the largest tensor is made, and the states of the largest call.
    const double making = 4.0 * shape_.hidden * std::max(shape_.vocabulary, 2 * layer_.ffn);
    return bytes + making + 4.0 * rows_ * (4.0 * layer_.ffn + 8.0 * shape_.hidden);
  }

  void RequireMemory() const {
    if (compute_.device != "cpu") return;
    const double available = kMemoryShare * setup_.available_memory.value();
    if (NeededBytes() <= available) return;
    const auto gb = [](double bytes) { return std::to_string(std::lround(bytes / kGb)); };
    throw InputError("the memory does not suffice: timing a " + Name(setup_.role) + " of " +
                     shape_.name + " in " + Name(compute_.dtype) + " takes about " +
                     gb(NeededBytes()) + " GB, " + gb(available) + " GB are free");
  }

  void Build() {
    const int rows = std::max(rows_, 256);  // of head_rows, at the least
    states_ = at::randn({rows, shape_.hidden}).to(OptionsOf(compute_));
    if (!IsDevice()) narrow_states_ = at::randn({rows, kNarrow}).to(OptionsOf(compute_));
    ids_ = SomeIds(rows_, shape_.vocabulary);
    const std::vector<PackedLayer> ring = RingOf(model_, ring_layers_, compute_);
    const AttentionShape attention = AttentionShapeOf(model_.config);
    stack_ = std::make_unique<LayerStack>(ring, attention, model_.config, compute_);
    const int few = CopiesFor(kLongTokens, ring_layers_);
    few_layers_ =
        std::make_unique<LayerStack>(std::vector<PackedLayer>(ring.begin(), ring.begin() + few),
                                     attention, model_.config, compute_);
    no_layers_ = std::make_unique<LayerStack>(std::vector<PackedLayer>{}, attention, model_.config,
                                              compute_);
    cache_ = stack_->MakeCache(slots_);
    FillCache(*cache_, setup_.limits.max_context);
    if (!IsDevice()) second_cache_ = stack_->MakeCache(setup_.limits.max_tokens);
    empty_cache_ = no_layers_->MakeCache(rows_);
    embedding_.emplace(model_, 0, compute_);
    for (int i = 0; i < head_copies_; ++i) heads_.emplace_back(model_, compute_);
    if (IsDevice()) BuildDrafters();
  }

  void BuildDrafters() {
    for (int i = 0; i < adapter_copies_; ++i) {
      const AdapterFile file = LoadAdapter("random:" + std::to_string(i), model_, setup_.split);
      adapters_.emplace_back(model_, file, compute_);
      adapter_caches_.push_back(adapters_.back().MakeCache(slots_));
      FillCache(adapter_caches_.back(), setup_.limits.max_context);
    }
    medusa_.emplace(model_, LoadMedusa("random:1", model_), heads_[0], compute_);
    input_.emplace(model_, setup_.split, compute_);
    input_cache_ = input_->MakeCache(setup_.limits.max_context + kBranchSlots);
    FillCache(*input_cache_, setup_.limits.max_context);
  }

  at::Tensor States(int rows) const { return states_.narrow(0, 0, rows); }

  // `work` goes round `copies` of the operation.
  template <typename Work>
  double EachUs(size_t copies, const Work& work) {
    return stopwatch_.TimeUs(work) / static_cast<double>(copies);
  }

  double Embedding(int tokens) {
    SetContext(*empty_cache_, 0);
    const SequencePart part{&*empty_cache_, tokens, {}};
    const std::span<const int32_t> ids(ids_.data(), static_cast<size_t>(tokens));
    return EachUs(1, [&] { embedding_->Forward(ids, {&part, 1}); });
  }

  double Layer(int tokens, int context) {
    const bool has_two = tokens > setup_.limits.max_tokens;  // a cloud's largest batch
    std::vector<SequencePart> parts = {{&*cache_, has_two ? tokens / 2 : tokens, {}}};
    if (has_two) parts.push_back({&*second_cache_, tokens / 2, {}});
    const at::Tensor states = States(tokens);
    const auto time_us = [&](const LayerStack& stack, int behind) {
      SetContext(*cache_, behind);
      if (has_two) SetContext(*second_cache_, 0);
      return stopwatch_.TimeUs([&] { stack.Forward(states, parts); });
    };
    const double plan_us = time_us(*no_layers_, context);
    const double in_embedding_us =  // of the plan
        !IsDevice()    ? 0
        : context == 0 ? plan_us
                       : time_us(*no_layers_, 0);
    const double us = time_us(tokens < kLongTokens ? *stack_ : *few_layers_, context);
    return (us - plan_us) / CopiesFor(tokens, ring_layers_) +
           (plan_us - in_embedding_us) / OwnLayers();
  }

  double AdapterCall(int tokens, int context) {
    for (KvCache& cache : adapter_caches_) SetContext(cache, context);
    const at::Tensor states = States(tokens);
    const auto copies = static_cast<size_t>(CopiesFor(tokens, adapter_copies_));
    return EachUs(copies, [&] {
      for (size_t i = 0; i < copies; ++i) {
        const SequencePart part{&adapter_caches_[i], tokens, {}};
        adapters_[i].Forward(states, {&part, 1});
      }
    });
  }

  double Head(int tokens) {
    const at::Tensor states = States(tokens);
    const int best = std::min(2, shape_.vocabulary);
    const auto copies = static_cast<size_t>(CopiesFor(tokens, head_copies_));
    return EachUs(copies, [&] {
      for (size_t i = 0; i < copies; ++i) LikeliestTokens(heads_[i].Logits(states), best);
    });
  }

  double Medusa(int tokens) {
    const at::Tensor states = States(tokens);
    return EachUs(1, [&] { medusa_->Logits(states); });
  }

  double Draft(int width, int context) {
    SetContext(*input_cache_, context);
    SetContext(adapter_caches_[0], context);
    const std::vector<int32_t> parents(width > 1 ? static_cast<size_t>(width) : 0, context - 1);
    const std::span<const int32_t> ids(ids_.data(), static_cast<size_t>(width));
    const SequencePart in{&*input_cache_, width, parents};
    const SequencePart adapted{adapter_caches_.data(), width, parents};
    return EachUs(1, [&] {
      const at::Tensor shallow = input_->Forward(ids, {&in, 1});
      const at::Tensor logits =
          LogitsOnHost(heads_[0].Logits(adapters_[0].Forward(shallow, {&adapted, 1})));
      Confidences(logits, 1);
      LikeliestTokens(logits, std::min(2, shape_.vocabulary));
    });
  }

  // Keys and values are a ring as well, always beyond the last-level cache, since a cloud's
  // sessions take turns; of a power of two: a few stacks serve all points.
  Bytes KvRing() const { return setup_.last_level_cache * 2; }
  int NarrowLayers(int tokens, int context) const {
    const double kv_bytes = KvBytes(1, std::max(context + tokens, kFewestSlots));
    const auto wanted = static_cast<unsigned>(CopiesInRing(KvRing(), kv_bytes, 1, kMostKvCopies));
    return CopiesFor(tokens, static_cast<int>(std::bit_ceil(wanted)));
  }

  // What a stack of so many layers holds at most: half as many of these fill the ring.
  int NarrowSlots(int layers) const {
    if (layers <= kLongCopies) return slots_;
    const double slots = std::ceil(KvRing().value() / (layers / 2) / KvBytes(1, 1));
    return static_cast<int>(std::min<double>(std::max<double>(slots, kFewestSlots), slots_));
  }

  double Attention(int tokens, int context) {
    const int layers = NarrowLayers(tokens, context);
    auto& narrow = narrow_[layers];
    if (!narrow) {
      narrow = std::make_unique<NarrowStack>(model_, layers, NarrowSlots(layers), OwnLayers(),
                                             compute_, stopwatch_);
    }
    return narrow->SampleUs(narrow_states_, tokens, context);
  }

  Model model_;
  OperationsSetup setup_;
  ModelShape shape_;
  LayerShape layer_;
  Compute compute_;
  Stopwatch stopwatch_;
  int weight_bytes_;
  int rows_;
  int slots_;
  Bytes ring_;
  int ring_layers_ = 1;
  int adapter_copies_ = 1;
  int head_copies_ = 1;

  at::Tensor states_;         // [rows_ or more, hidden]
  at::Tensor narrow_states_;  // [rows_ or more, kNarrow]
  std::vector<int32_t> ids_;
  std::unique_ptr<LayerStack> stack_, few_layers_, no_layers_;
  std::optional<KvCache> cache_, second_cache_, empty_cache_, input_cache_;
  std::optional<InputModel> embedding_;  // of 0 layers
  std::optional<InputModel> input_;      // of the device's
  std::vector<OutputHead> heads_;
  std::vector<Adapter> adapters_;
  std::vector<KvCache> adapter_caches_;
  std::optional<MedusaHeads> medusa_;
  std::map<int, std::unique_ptr<NarrowStack>> narrow_;  // by layers
};

TimedOperations::TimedOperations(const Model& model, const OperationsSetup& setup)
    : parts_(WithMemoryErrors([&] { return std::make_unique<Parts>(model, setup); })) {}
TimedOperations::~TimedOperations() = default;

TimedCall TimedOperations::Sample(const TimedPoint& point) {
  const at::NoGradGuard no_grad;
  return WithMemoryErrors([&] { return parts_->Sample(point); });
}

int TimedOperations::CopiesAt(const TimedPoint& point) const { return parts_->CopiesAt(point); }
int TimedOperations::ring_layers() const { return parts_->ring_layers(); }

double ReferenceUs(const Compute& compute) {
  const at::NoGradGuard no_grad;
  const at::Tensor a =
      at::ones({256, 256}, at::TensorOptions(at::kFloat).device(DeviceOf(compute)));
  Stopwatch stopwatch(compute);
  std::vector<double> samples;
  for (int i = 0; i < 7; ++i) {
    samples.push_back(stopwatch.TimeUs([&] { at::mm(a, a); }));
  }
  return MedianOf(samples);
}

std::string LibtorchVersion() { return TORCH_VERSION; }

}  // namespace hat
