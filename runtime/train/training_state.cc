#include "runtime/train/training_state.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <charconv>
#include <sstream>

#include "core/error.h"
#include "runtime/model/weights.h"

namespace hat {
namespace {

constexpr char kParameters[] = "parameters";

[[noreturn]] void Refuse(const std::string& path, const std::string& reason) {
  throw InputError("cannot go on from '" + path + "': " + reason);
}

const std::string& Entry(const TensorFile& file, const std::string& key, const std::string& path) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) Refuse(path, "it is not a training checkpoint");
  return found->second;
}

template <typename Number>
Number NumberEntry(const TensorFile& file, const std::string& key, const std::string& path) {
  const std::string& text = Entry(file, key, path);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    Refuse(path, "its '" + key + "' is not a number: '" + text + "'");
  }
  return value;
}

void CheckIdentity(const std::string& path, const std::string& theirs, const std::string& ours) {
  std::istringstream there(theirs), here(ours);
  std::string old_line, line;
  while (std::getline(here, line)) {
    if (!std::getline(there, old_line)) old_line.clear();
    if (old_line != line) {
      Refuse(path, "it was made with '" + old_line + "', this run has '" + line + "'");
    }
  }
}

void CopyBack(const TensorFile& file, const std::string& name, const std::string& path,
              const at::Tensor& target) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end() || found->second.sizes() != target.sizes() ||
      found->second.scalar_type() != target.scalar_type()) {
    Refuse(path, "it holds no '" + name + "' of this model");
  }
  target.copy_(found->second);
}

}  // namespace

std::string NumberText(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string TrainingIdentity(const TrainingOptions& options, const TokenText& text,
                             const std::string& identity) {
  std::string lines = identity;
  const auto add = [&](const char* name, auto value) {
    lines += std::string(name) + " = " + NumberText(static_cast<double>(value)) + "\n";
  };
  lines += "text = " + text.Hash() + "\n";
  lines += "seed = " + std::to_string(options.seed) + "\n";
  if (options.budget_s > 0) {
    add("budget_s", options.budget_s);
  } else {
    add("steps", options.steps);
  }
  add("batch_tokens", options.batch_tokens);
  add("micro_tokens", options.micro_tokens);
  add("length", options.length);
  if (options.has_fixed_windows) add("fixed_windows", 1);
  add("long_length", options.long_length);
  add("long_share", options.long_share);
  add("learning_rate", options.schedule.peak);
  add("final_fraction", options.schedule.final_fraction);
  add("warmup_steps", options.schedule.warmup_steps);
  add("weight_decay", options.optimizer.weight_decay);
  add("beta1", options.optimizer.beta1);
  add("beta2", options.optimizer.beta2);
  add("muon_share", options.optimizer.muon_share);
  add("clip_norm", options.optimizer.clip_norm);
  return lines;
}

void SaveTrainingState(const std::string& path, const std::string& identity,
                       const TrainingState& state, const Parameters& parameters,
                       const Optimizer& optimizer) {
  TensorFile file;
  file.tensors = optimizer.State();
  file.tensors[kParameters] = parameters.flat();
  file.metadata = {{"format", "hat-training/1"},
                   {"identity", identity},
                   {"step", std::to_string(state.step)},
                   {"optimizer_steps", std::to_string(optimizer.steps())},
                   {"tokens", std::to_string(state.tokens)},
                   {"elapsed_s", NumberText(state.elapsed_s)},
                   {"log", state.log}};
  WriteTensorFile(path, file);
}

TrainingState LoadTrainingState(const std::string& path, const std::string& identity,
                                Parameters& parameters, Optimizer& optimizer) {
  at::NoGradGuard no_gradient;
  const TensorFile file = ReadTensorFile(path);
  CheckIdentity(path, Entry(file, "identity", path), identity);
  CopyBack(file, kParameters, path, parameters.flat());
  for (const auto& [name, target] : optimizer.State()) CopyBack(file, name, path, target);
  parameters.Publish();
  optimizer.SetSteps(NumberEntry<int64_t>(file, "optimizer_steps", path));
  TrainingState state;
  state.step = NumberEntry<int64_t>(file, "step", path);
  state.tokens = NumberEntry<int64_t>(file, "tokens", path);
  state.elapsed_s = NumberEntry<double>(file, "elapsed_s", path);
  state.log = Entry(file, "log", path);
  return state;
}

}  // namespace hat
