// The files of one run: summary.json, requests.csv, utilisation.csv, manifest.json and, where they
// were kept, gaps.csv. Every field with its unit: docs/formats.md. The same run writes the same
// bytes: no wall-clock time, no absolute path, numbers with 12 digits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/files.h"
#include "experiments/scenario/input_files.h"
#include "experiments/watch/recorder.h"
#include "profiles/profile.h"

namespace hat {

inline constexpr int kResultsSchema = 1;

// What the recorder cannot know of a run.
struct RunInfo {
  std::string world =
      "simulated";       // or "emulated", "measured": the label on everything made from it
  std::string engine;    // e.g. "SimGrid 3.32, network/model:CM02, ..."
  std::string scenario;  // its name
  std::string system;
  std::string model;                 // its shape's name
  std::optional<double> rate_per_s;  // of arrivals; nothing where the rate is not a key
  uint64_t seed = 0;
  std::string config;  // Scenario::resolved
  std::vector<ProfileInfo> profiles;
  std::vector<InputFile> inputs;
  bool is_partial = false;  // ended before its time; requests in flight are cut off
};

// Writes the files; `folder` is left to the caller to commit. Throws RunError.
void WriteResults(ResultFolder& folder, const Recorder& recorder, const RunInfo& info);

// For a system that cannot run there (device-only, where the model exceeds the memory):
// manifest.json and a summary.json with the key "not_possible" in place of figures. Throws
// RunError.
void WriteNotPossible(ResultFolder& folder, const RunInfo& info, const std::string& reason);

// The contents, one by one.
std::string SummaryJson(const Recorder& recorder, const RunInfo& info);
std::string NotPossibleJson(const RunInfo& info, const std::string& reason);  // its summary.json
std::string ManifestJson(const RunInfo& info);
std::string RequestsCsv(const Recorder& recorder);
std::string GapsCsv(const Recorder& recorder);
std::string UtilisationCsv(const Recorder& recorder);

}  // namespace hat
