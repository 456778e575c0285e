#include "runtime/profile/check.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/decimal.h"
#include "core/error.h"
#include "core/machine.h"
#include "runtime/model/adapter.h"
#include "runtime/model/likeliest.h"
#include "runtime/model/submodels.h"
#include "runtime/model/torch_compute.h"
#include "runtime/profile/cache_filling.h"
#include "runtime/profile/compose.h"
#include "runtime/profile/grid.h"
#include "runtime/profile/machine.h"
#include "runtime/profile/stopwatch.h"
#include "runtime/profile/timed_operations.h"
#include "runtime/profile/warm_up.h"

namespace hat {
namespace {

constexpr uint64_t kOrderSeed = 1;
constexpr double kMemoryShare = 0.9;
constexpr int kSessions = 32;  // of a cloud, which take turns: in life others ran in between
constexpr int kDefaultSplit = 2;
constexpr const char* kDraft = "draft";
constexpr const char* kVerify = "verify";

std::vector<BatchedSequence> Same(int sequences, int tokens, int context) {
  return std::vector<BatchedSequence>(static_cast<size_t>(sequences),
                                      BatchedSequence{tokens, context});
}

// What all steps of a profile need of the real model.
struct Needs {
  int sequences = 1;  // that take turns in the steps' batches
  int context = 0;    // of a sequence, the most
  int tokens = 1;     // likewise

  Needs(const std::vector<CheckedStep>& steps, int most_sequences) : sequences(most_sequences) {
    for (const CheckedStep& step : steps) {
      HAT_CHECK(static_cast<int>(step.parts.size()) <= sequences);
      for (const BatchedSequence& part : step.parts) {
        context = std::max(context, part.context);
        tokens = std::max(tokens, part.tokens);
      }
    }
  }
};

// Rows that go through a device's head.
int HeadRows(const CheckedStep& step) { return step.name == kVerify ? step.tokens() : 1; }

// Real steps, through all layers of a device or a cloud: what a composition is held against.
class RealSteps {
 public:
  virtual ~RealSteps() = default;
  virtual TimedCall Sample(const CheckedStep& step) = 0;
};

class RealDevice final : public RealSteps {
 public:
  RealDevice(const Model& model, int layers, bool drafts, const Needs& needs,
             const Compute& compute, Seconds pause)
      : stopwatch_(compute, pause),
        input_(model, layers, compute),
        head_(model, compute, &input_),
        cache_(input_.MakeCache(needs.context + needs.tokens)) {
    FillCache(cache_, needs.context);
    for (int i = 0; i < needs.tokens; ++i) ids_.push_back(i * 31 % model.config.shape.vocabulary);
    if (!drafts) return;
    adapter_.emplace(model, LoadAdapter("random:1", model, layers), compute);
    adapter_cache_ = adapter_->MakeCache(needs.context + 1);
    FillCache(*adapter_cache_, needs.context);
  }

  TimedCall Sample(const CheckedStep& step) override {
    const double us = SampleUs(step);
    return {us, stopwatch_.TakeSpentUs()};
  }

 private:
  double SampleUs(const CheckedStep& step) {
    const auto [tokens, context] = step.parts[0];
    const std::span<const int32_t> ids(ids_.data(), static_cast<size_t>(tokens));
    SetContext(cache_, context);
    if (step.name == kDraft) return DraftUs(ids, context);
    const SequencePart part{&cache_, tokens, {}};
    return stopwatch_.TimeUs([&, rows = tokens, head_rows = HeadRows(step)] {
      const at::Tensor states = input_.Forward(ids, {&part, 1});
      LikeliestTokens(head_.Logits(states.narrow(0, rows - head_rows, head_rows)), 2);
    });
  }

  double DraftUs(std::span<const int32_t> ids, int context) {
    SetContext(*adapter_cache_, context);
    const SequencePart in{&cache_, 1, {}};
    const SequencePart adapted{&*adapter_cache_, 1, {}};
    return stopwatch_.TimeUs([&] {
      const at::Tensor shallow = input_.Forward(ids, {&in, 1});
      const at::Tensor logits =
          LogitsOnHost(head_.Logits(adapter_->Forward(shallow, {&adapted, 1})));
      Confidences(logits, 1);
      LikeliestTokens(logits, 2);
    });
  }

  Stopwatch stopwatch_;
  InputModel input_;
  OutputHead head_;
  KvCache cache_;
  std::vector<int32_t> ids_;
  std::optional<Adapter> adapter_;
  std::optional<KvCache> adapter_cache_;
};

class RealCloud final : public RealSteps {
 public:
  // The model's last `layers` layers.
  RealCloud(const Model& model, int layers, const Needs& needs, const Compute& compute,
            Seconds pause)
      : stopwatch_(compute, pause),
        middle_(model, model.config.shape.layer_count() - layers, model.config.shape.layer_count(),
                compute) {
    for (int i = 0; i < needs.sequences; ++i) {
      caches_.push_back(middle_.MakeCache(needs.context + needs.tokens));
      FillCache(caches_.back(), needs.context);
    }
    const int64_t rows = int64_t{needs.sequences} * needs.tokens;
    states_ = at::randn({rows, model.config.shape.hidden}).to(OptionsOf(compute));
  }

  TimedCall Sample(const CheckedStep& step) override {
    std::vector<SequencePart> parts;
    for (const auto& [tokens, context] : step.parts) {
      KvCache& cache = caches_[next_++ % caches_.size()];
      SetContext(cache, context);
      parts.push_back({&cache, tokens, {}});
    }
    const at::Tensor states = states_.narrow(0, 0, step.tokens());
    const double us = stopwatch_.TimeUs([&] { middle_.Forward(states, parts); });
    return {us, stopwatch_.TakeSpentUs()};
  }

 private:
  Stopwatch stopwatch_;
  MiddleModel middle_;
  std::vector<KvCache> caches_;
  size_t next_ = 0;    // of them
  at::Tensor states_;  // [rows, hidden]
};

// Times every step in every round, in an order of its own; medians go into the steps. Returns the
// reference times, one before each round and one in the end.
std::vector<double> Measure(RealSteps& real, int rounds, const Compute& compute,
                            std::vector<CheckedStep>& steps,
                            const std::function<void(double)>& on_share_done) {
  const at::NoGradGuard no_grad;
  std::vector<double> reference_us = {ReferenceUs(compute)};
  const auto count = static_cast<int>(steps.size());
  std::vector<std::vector<double>> samples_ms(steps.size());
  for (int round = 0; round < rounds; ++round) {
    int done = 0;
    for (const int i : RoundOrder(kOrderSeed, round, count)) {
      const auto at = static_cast<size_t>(i);
      const auto sample = [&] { return real.Sample(steps[at]); };
      const TimedCall warm = WarmUp(sample, [](double us) { return us >= kLongUs; });
      for (int left = SamplesAVisit(warm.spent_us); left > 0; --left) {
        samples_ms[at].push_back(sample().us / 1000);
      }
      if (on_share_done) on_share_done((round + double(++done) / count) / rounds);
    }
    reference_us.push_back(ReferenceUs(compute));
  }
  for (size_t i = 0; i < steps.size(); ++i) steps[i].measured_ms = MedianOf(samples_ms[i]);
  return reference_us;
}

void RequireMemory(const ModelShape& shape, int layers, const Needs& needs,
                   const Compute& compute) {
  if (compute.device != "cpu") return;
  const int bytes = BytesPerValue(compute.dtype);
  const LayerShape& layer = shape.every_layer();
  double needed = (layers * layer.Weights(shape.hidden) + 3 * shape.EmbeddingWeights()) * bytes;
  needed += layers * layer.KvBytesPerToken(bytes).value() * (needs.context + needs.tokens) *
            needs.sequences;
  const double available = kMemoryShare * AvailableMemory().value();
  if (needed <= available) return;
  throw InputError("the memory does not suffice for " + std::to_string(layers) + " layers of " +
                   shape.name + ": about " + std::to_string(std::lround(needed / 1e9)) +
                   " GB; --layers takes fewer");
}

void RequireSame(const std::string& what, const std::string& first, const std::string& other,
                 const std::string& path) {
  if (first == other) return;
  throw InputError(path + ": has the " + what + " " + other + ", the profile before it " + first +
                   "; check them one by one");
}

// What the profile's account of its measurement says under `key`; nothing if it does not.
std::string Said(const ProfileData& data, const std::string& key) {
  const auto found = data.measurement.find(key);
  return found == data.measurement.end() ? "" : found->second;
}

std::vector<ProfileData> ReadAll(const CheckJob& job, const ModelShape& shape) {
  std::vector<ProfileData> all;
  for (const std::string& path : job.profiles) {
    all.push_back(ReadProfile(path));
    if (!all.back().info.model.HasSameSizes(shape)) {
      throw InputError(path + ": a profile of " + all.back().info.model.name + " (" +
                       Describe(all.back().info.model) + "), but --model is " + shape.name + " (" +
                       Describe(shape) + ")");
    }
    RequireSame("dtype", Name(all[0].info.dtype), Name(all.back().info.dtype), path);
    if (job.threads == 0) {
      RequireSame("threads", Said(all[0], "threads"), Said(all.back(), "threads"), path);
    }
  }
  return all;
}

// As they are measured, so they are checked.
Seconds PauseOf(const ProfileData& data) {
  return Milliseconds(ParseDecimal(Said(data, "pause_ms")).value_or(0));
}

// The same as a number; 0: none.
int MeasuredWith(const ProfileData& data, const std::string& key) {
  const std::string text = Said(data, key);
  const bool is_number =
      !text.empty() && text.size() < 5 && text.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? std::stoi(text) : 0;
}

int ThreadsFor(const CheckJob& job, const ProfileData& data) {
  if (job.threads > 0) return job.threads;
  const int threads = MeasuredWith(data, "threads");
  return threads > 0 ? threads : CoreCount();
}

// Layers of the real steps.
int LayersFor(const CheckJob& job, const ProfileData& data, int all) {
  if (job.layers > all) {
    throw InputError("--layers must be at most the model's " + std::to_string(all) + ", got " +
                     std::to_string(job.layers));
  }
  if (job.layers > 0) return job.layers;
  const int said = data.draft_layers > 0 ? data.draft_layers : MeasuredWith(data, "split");
  const int split = job.split > 0 ? job.split : said > 0 ? said : kDefaultSplit;
  if (split >= all) {
    throw InputError("--split must be 1.." + std::to_string(all - 1) +
                     ", below the model's layers, got " + std::to_string(split));
  }
  return data.info.role == Role::kDevice ? split : all - split;
}

std::unique_ptr<RealSteps> Prepare(const ProfileData& data, const Model& model,
                                   const Compute& compute, CheckReport& report) {
  const auto needs = [&](int sequences) {
    const Needs all(report.steps, sequences);
    RequireMemory(model.config.shape, report.layers, all, compute);
    return all;
  };
  if (data.info.role == Role::kDevice) {
    const DeviceProfile profile(data);
    report.steps = StepsFor(profile);
    for (CheckedStep& step : report.steps) {
      step.composed_ms = ToMilliseconds(ComposedStep(profile, step, report.layers));
    }
    return std::make_unique<RealDevice>(model, report.layers, profile.has_adapter(), needs(1),
                                        compute, PauseOf(data));
  }
  const CloudProfile profile(data);
  report.steps = StepsFor(profile);
  for (CheckedStep& step : report.steps) {
    step.composed_ms = ToMilliseconds(ComposedStep(profile, step, report.layers));
  }
  return std::make_unique<RealCloud>(model, report.layers, needs(kSessions), compute,
                                     PauseOf(data));
}

CheckReport CheckOne(const ProfileData& data, const Model& model, const CheckJob& job,
                     const Compute& compute, const std::function<void(double)>& on_share_done) {
  CheckReport report;
  report.profile = data.info.id;
  report.role = data.info.role;
  report.layers = LayersFor(job, data, model.config.shape.layer_count());
  const std::unique_ptr<RealSteps> real = Prepare(data, model, compute, report);
  const auto then = data.measurement.find("reference");
  if (then != data.measurement.end()) report.reference_then = then->second;
  report.reference_now =
      ReferenceText(Measure(*real, job.rounds, compute, report.steps, on_share_done));
  return report;
}

double PartOf(std::vector<CheckedStep> steps, bool largest) {
  std::vector<double> sizes;
  for (const CheckedStep& step : steps) sizes.push_back(std::abs(step.error()));
  return largest ? *std::max_element(sizes.begin(), sizes.end()) : MedianOf(sizes);
}

}  // namespace

int CheckedStep::tokens() const {
  int sum = 0;
  for (const BatchedSequence& part : parts) sum += part.tokens;
  return sum;
}

int CheckedStep::most_context() const {
  int most = 0;
  for (const BatchedSequence& part : parts) most = std::max(most, part.context);
  return most;
}

double CheckReport::MedianError() const { return PartOf(steps, false); }
double CheckReport::LargestError() const { return PartOf(steps, true); }

std::vector<CheckedStep> StepsFor(const DeviceProfile& profile) {
  std::vector<CheckedStep> steps;
  for (const int context : {0, 128, 512, 1024}) {
    if (context > profile.max_context()) continue;
    if (profile.has_adapter()) steps.push_back({kDraft, Same(1, 1, context)});
    for (const int tokens : {1, 4, 8, 16, 64, 256}) {
      if (tokens > profile.max_tokens()) continue;
      const char* name = tokens == 1 ? "decode" : tokens <= 8 ? kVerify : "prefill";
      steps.push_back({name, Same(1, tokens, context)});
    }
  }
  return steps;
}

std::vector<CheckedStep> StepsFor(const CloudProfile& profile) {
  std::vector<CheckedStep> steps;
  for (const int context : {0, 128, 512, 1024}) {
    for (const int sequences : {1, 2, 4, 8}) {
      steps.push_back({"decode", Same(sequences, 1, context)});
    }
    for (const int tokens : {16, 64, 256}) steps.push_back({"prefill", Same(1, tokens, context)});
  }
  for (const int sequences : {1, 2, 4}) steps.push_back({kVerify, Same(sequences, 4, 512)});
  steps.push_back({"decode", Same(16, 1, 512)});
  std::vector<BatchedSequence> mixed = Same(4, 1, 512);
  mixed.push_back({64, 256});
  steps.push_back({"mixed", mixed});
  const auto is_outside = [&](const CheckedStep& step) {
    return step.tokens() > profile.max_tokens() || step.most_context() > profile.max_context() ||
           std::any_of(step.parts.begin(), step.parts.end(), [&](const BatchedSequence& part) {
             return part.tokens > profile.max_sequence_tokens();
           });
  };
  steps.erase(std::remove_if(steps.begin(), steps.end(), is_outside), steps.end());
  return steps;
}

Seconds ComposedStep(const DeviceProfile& profile, const CheckedStep& step, int layers) {
  const auto [tokens, context] = step.parts[0];
  if (step.name == kDraft) return profile.Draft(1, context, layers);
  return profile.Input(tokens, context, layers) + profile.Head(HeadRows(step));
}

Seconds ComposedStep(const CloudProfile& profile, const CheckedStep& step, int layers) {
  return profile.Layers({layers}, step.parts);
}

std::vector<CheckReport> CheckProfiles(const CheckJob& job,
                                       const std::function<void(const Progress&)>& on_progress) {
  Model model = OpenModelOrShape(job.model, 4096);
  const std::vector<ProfileData> all = ReadAll(job, model.config.shape);
  HAT_CHECK(!all.empty());
  const Compute compute = {all[0].info.dtype, job.device};
  CheckCompute(compute);
  SetThreads(ThreadsFor(job, all[0]));
  std::vector<CheckReport> reports;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto share = [&](double done) {
      if (on_progress) on_progress({(double(i) + done) / double(all.size()), 1});
    };
    reports.push_back(
        WithMemoryErrors([&] { return CheckOne(all[i], model, job, compute, share); }));
  }
  return reports;
}

}  // namespace hat
