#include "runtime/profile/check.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <ATen/ATen.h>

#include "core/error.h"
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
constexpr const char* kDraft = "draft";

std::vector<StepPart> Same(int sequences, int tokens, int context) {
  return std::vector<StepPart>(static_cast<size_t>(sequences), StepPart{tokens, context});
}

// What all steps of a profile need of the real model.
struct Needs {
  std::vector<int> contexts;  // of each sequence, the most
  int tokens = 1;             // of a sequence, the most

  explicit Needs(const std::vector<CheckedStep>& steps) {
    for (const CheckedStep& step : steps) {
      contexts.resize(std::max(contexts.size(), step.parts.size()));
      for (size_t i = 0; i < step.parts.size(); ++i) {
        contexts[i] = std::max(contexts[i], step.parts[i].context);
        tokens = std::max(tokens, step.parts[i].tokens);
      }
    }
  }
  int most_context() const { return *std::max_element(contexts.begin(), contexts.end()); }
};

// Real steps, whole stacks of layers: what a composition is held against.
class RealSteps {
 public:
  virtual ~RealSteps() = default;
  virtual double SampleMs(const CheckedStep& step) = 0;
};

class RealDevice final : public RealSteps {
 public:
  RealDevice(const Model& model, int layers, int split, const Needs& needs, const Compute& compute)
      : compute_(compute),
        input_(model, layers, compute),
        head_(model, compute, &input_),
        cache_(input_.MakeCache(needs.most_context() + needs.tokens)) {
    FillCache(cache_, needs.most_context());
    for (int i = 0; i < needs.tokens; ++i) ids_.push_back(i * 31 % model.config.shape.vocabulary);
    if (split == 0) return;
    front_.emplace(model, split, compute);
    adapter_.emplace(model, LoadAdapter("random:1", model, split), compute);
    front_cache_ = front_->MakeCache(needs.most_context() + 1);
    adapter_cache_ = adapter_->MakeCache(needs.most_context() + 1);
    FillCache(*front_cache_, needs.most_context());
    FillCache(*adapter_cache_, needs.most_context());
  }

  double SampleMs(const CheckedStep& step) override {
    const auto [tokens, context] = step.parts[0];
    const std::span<const int32_t> ids(ids_.data(), static_cast<size_t>(tokens));
    if (step.name == kDraft) return DraftMs(ids, context);
    SetContext(cache_, context);
    const SequencePart part{&cache_, tokens, {}};
    return TimeUs(compute_,
                  [&, rows = tokens] {
                    const at::Tensor states = input_.Forward(ids, {&part, 1});
                    LikeliestTokens(head_.Logits(states.narrow(0, rows - 1, 1)), 2);
                  }) /
           1000;
  }

 private:
  double DraftMs(std::span<const int32_t> ids, int context) {
    SetContext(*front_cache_, context);
    SetContext(*adapter_cache_, context);
    const SequencePart in{&*front_cache_, 1, {}};
    const SequencePart adapted{&*adapter_cache_, 1, {}};
    return TimeUs(
               compute_,
               [&] {
                 const at::Tensor shallow = front_->Forward(ids, {&in, 1});
                 const at::Tensor logits = head_.Logits(adapter_->Forward(shallow, {&adapted, 1}));
                 Confidences(logits, 1);
                 LikeliestTokens(logits, 2);
               }) /
           1000;
  }

  Compute compute_;
  InputModel input_;
  OutputHead head_;
  KvCache cache_;
  std::vector<int32_t> ids_;
  std::optional<InputModel> front_;
  std::optional<Adapter> adapter_;
  std::optional<KvCache> front_cache_, adapter_cache_;
};

class RealCloud final : public RealSteps {
 public:
  RealCloud(const Model& model, int layers, const Needs& needs, const Compute& compute)
      : compute_(compute), middle_(model, 0, layers, compute) {
    for (const int context : needs.contexts) {
      caches_.push_back(middle_.MakeCache(context + needs.tokens));
      FillCache(caches_.back(), context);
    }
    const auto rows = static_cast<int64_t>(needs.contexts.size()) * needs.tokens;
    states_ = at::randn({rows, model.config.shape.hidden}).to(OptionsOf(compute));
  }

  double SampleMs(const CheckedStep& step) override {
    std::vector<SequencePart> parts;
    for (size_t i = 0; i < step.parts.size(); ++i) {
      SetContext(caches_[i], step.parts[i].context);
      parts.push_back({&caches_[i], step.parts[i].tokens, {}});
    }
    const at::Tensor states = states_.narrow(0, 0, step.tokens());
    return TimeUs(compute_, [&] { middle_.Forward(states, parts); }) / 1000;
  }

 private:
  Compute compute_;
  MiddleModel middle_;
  std::vector<KvCache> caches_;
  at::Tensor states_;  // [rows, hidden]
};

// Times every step in every round, in an order of its own; medians go into the steps.
void Measure(RealSteps& real, int rounds, std::vector<CheckedStep>& steps,
             const std::function<void(double)>& on_share_done) {
  const at::NoGradGuard no_grad;
  const auto count = static_cast<int>(steps.size());
  std::vector<std::vector<double>> samples_ms(steps.size());
  for (int round = 0; round < rounds; ++round) {
    int done = 0;
    for (const int i : RoundOrder(kOrderSeed, round, count)) {
      const auto at = static_cast<size_t>(i);
      const auto sample = [&] { return real.SampleMs(steps[at]) * 1000; };
      const double warm_us = WarmUp(sample, 1, [](double us) { return us >= kLongUs; });
      for (int left = SamplesAVisit(warm_us); left > 0; --left) {
        samples_ms[at].push_back(real.SampleMs(steps[at]));
      }
      if (on_share_done) on_share_done((round + double(++done) / count) / rounds);
    }
  }
  for (size_t i = 0; i < steps.size(); ++i) steps[i].measured_ms = MedianOf(samples_ms[i]);
}

void RequireMemory(const ModelShape& shape, int layers, const Needs& needs,
                   const Compute& compute) {
  if (compute.device != "cpu") return;
  const int bytes = BytesPerWeight(compute.dtype);
  double needed = (layers * shape.LayerWeights() + 3 * shape.EmbeddingWeights()) * bytes;
  for (const int context : needs.contexts) {
    needed += shape.KvBytesPerToken(layers, bytes).value() * (context + needs.tokens);
  }
  const double available = kMemoryShare * AvailableMemory().value();
  if (needed <= available) return;
  throw InputError("the memory does not suffice for " + std::to_string(layers) + " layers of " +
                   shape.name + ": about " + std::to_string(std::lround(needed / 1e9)) +
                   " GB; --layers takes fewer");
}

struct Checked {
  ProfileData data;
  std::vector<CheckedStep> steps;
};

void RequireSame(const std::string& what, const std::string& first, const std::string& other,
                 const std::string& path) {
  if (first == other) return;
  throw InputError(path + ": has the " + what + " " + other + ", the profile before it " + first +
                   "; check them one by one");
}

std::string ThreadsOf(const ProfileData& data) {
  const auto found = data.measurement.find("threads");
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
    RequireSame("dtype", all[0].info.dtype, all.back().info.dtype, path);
    if (job.threads == 0) RequireSame("threads", ThreadsOf(all[0]), ThreadsOf(all.back()), path);
  }
  return all;
}

int ThreadsFor(const CheckJob& job, const ProfileData& data) {
  if (job.threads > 0) return job.threads;
  const std::string text = ThreadsOf(data);
  const bool is_number =
      !text.empty() && text.size() < 5 && text.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? std::max(1, std::stoi(text)) : CoreCount();
}

CheckReport CheckOne(const ProfileData& data, const Model& model, const CheckJob& job,
                     const Compute& compute, const std::function<void(double)>& on_share_done) {
  CheckReport report;
  report.profile = data.info.id;
  report.role = data.info.role;
  report.layers = job.layers > 0 ? job.layers : model.config.shape.layers;
  std::unique_ptr<RealSteps> real;
  if (data.info.role == "device") {
    const DeviceProfile profile(data);
    report.steps = StepsFor(profile);
    const int split = profile.has_adapter() ? std::max(1, data.draft_layers) : 0;
    for (CheckedStep& step : report.steps) {
      const auto [tokens, context] = step.parts[0];
      const Seconds composed =
          step.name == kDraft ? profile.Draft(1, context, split)
                              : profile.Input(tokens, context, report.layers) + profile.Head(1);
      step.composed_ms = ToMilliseconds(composed);
    }
    const Needs needs(report.steps);
    RequireMemory(model.config.shape, report.layers + split, needs, compute);
    real = std::make_unique<RealDevice>(model, report.layers, split, needs, compute);
  } else {
    const CloudProfile profile(data);
    report.steps = StepsFor(profile);
    for (CheckedStep& step : report.steps) {
      step.composed_ms = ToMilliseconds(ComposedStep(profile, step.parts, report.layers));
    }
    const Needs needs(report.steps);
    RequireMemory(model.config.shape, report.layers, needs, compute);
    real = std::make_unique<RealCloud>(model, report.layers, needs, compute);
  }
  Measure(*real, job.rounds, report.steps, on_share_done);
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
  for (const StepPart& part : parts) sum += part.tokens;
  return sum;
}

int CheckedStep::most_context() const {
  int most = 0;
  for (const StepPart& part : parts) most = std::max(most, part.context);
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
      const char* name = tokens == 1 ? "decode" : tokens <= 8 ? "verify" : "prefill";
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
  for (const int sequences : {1, 2, 4}) steps.push_back({"verify", Same(sequences, 4, 512)});
  steps.push_back({"decode", Same(16, 1, 512)});
  std::vector<StepPart> mixed = Same(4, 1, 512);
  mixed.push_back({64, 256});
  steps.push_back({"mixed", mixed});
  const auto is_outside = [&](const CheckedStep& step) {
    return step.tokens() > profile.max_tokens() || step.most_context() > profile.max_context() ||
           std::any_of(step.parts.begin(), step.parts.end(), [&](const StepPart& part) {
             return part.tokens > profile.max_sequence_tokens();
           });
  };
  steps.erase(std::remove_if(steps.begin(), steps.end(), is_outside), steps.end());
  return steps;
}

Seconds ComposedStep(const CloudProfile& profile, const std::vector<StepPart>& parts, int layers) {
  int tokens = 0;
  for (const StepPart& part : parts) tokens += part.tokens;
  Seconds layer = profile.Linear(tokens) + profile.AttentionBase();
  for (const StepPart& part : parts) layer += profile.Attention(part.tokens, part.context);
  return layer * layers;
}

std::vector<CheckReport> CheckProfiles(const CheckJob& job,
                                       const std::function<void(double)>& on_share_done) {
  Model model = OpenModelOrShape(job.model, 4096);
  const std::vector<ProfileData> all = ReadAll(job, model.config.shape);
  HAT_CHECK(!all.empty());
  if (job.layers > model.config.shape.layers) {
    throw InputError("--layers must be at most the model's " +
                     std::to_string(model.config.shape.layers) + ", got " +
                     std::to_string(job.layers));
  }
  const Compute compute = {ParseDtype(all[0].info.dtype, job.profiles[0]), job.device};
  CheckCompute(compute);
  SetThreads(ThreadsFor(job, all[0]));
  std::vector<CheckReport> reports;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto share = [&](double done) {
      if (on_share_done) on_share_done((double(i) + done) / double(all.size()));
    };
    reports.push_back(
        WithMemoryErrors([&] { return CheckOne(all[i], model, job, compute, share); }));
  }
  return reports;
}

}  // namespace hat
