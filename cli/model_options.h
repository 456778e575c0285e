// The options of verbs that run a split model: which model, which system, how it is cut and
// computed.
#pragma once

#include <optional>
#include <string>

#include "core/program.h"
#include "protocol/system.h"
#include "runtime/session/whole_model.h"

namespace hat {

struct ModelOptions {
  std::string model;
  std::string system = "hat";
  std::optional<int> split;
  std::optional<int> chunk;
  double draft_threshold = PolicyOptions().draft_threshold;
  std::string drafter = SystemSpec().drafter;
  std::string adapter, medusa;
  std::string dtype = "fp32", wire_dtype, device = "cpu";
  bool is_device_int8 = false;
};

// `whole`: the system "whole" is one of them.
void AddModelOptions(CommandLine& line, ModelOptions& options, bool whole);

// Of the options and the model's config. Throws InputError.
SplitPlan PlanOf(const ModelOptions& options, const ModelConfig& config);
SystemSpec SystemOf(const ModelOptions& options);

// A drafter's file: the one that is given, or that lies under that name in the model's folder, or
// that ships for a model that 'hat model get' has got; empty where there is none.
std::string FileOrNone(const std::string& given, const std::string& folder, const char* name);

// The file that the option names, or that lies in the model's folder; empty where the system does
// not draft so. Throws InputError if it needs one and there is none.
std::string AdapterOf(const ModelOptions& options, const SystemSpec& system);
std::string MedusaOf(const ModelOptions& options, const SystemSpec& system);

}  // namespace hat
