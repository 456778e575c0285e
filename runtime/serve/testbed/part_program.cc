#include "runtime/serve/testbed/part_program.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <utility>

#include "core/child_processes.h"
#include "core/error.h"
#include "core/files.h"
#include "experiments/plan/plan.h"
#include "runtime/serve/testbed/sent_files.h"

namespace hat {
namespace {

constexpr double kAnswer_s = 30;
constexpr int kClockQuestions = 9;

int64_t SteadyNow() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

// What runs on this machine: the program, or ssh to it.
std::vector<std::string> WordsOf(const PartProgram::Setup& setup) {
  std::vector<std::string> program = setup.before;
  program.push_back(setup.host ? setup.host->program : ProgramFolder() + "/hat-live");
  program.emplace_back("testbed");
  program.insert(program.end(), setup.words.begin(), setup.words.end());
  if (!setup.host) return program;
  for (std::string& word : program) word = QuotedForShell(word);
  std::vector<std::string> words = setup.inventory->ssh;
  for (const char* option : {"-T", "-oBatchMode=yes", "-oConnectTimeout=10"}) {
    words.emplace_back(option);
  }
  words.push_back(setup.host->host);
  words.push_back(fmt::format("exec {}", fmt::join(program, " ")));
  return words;
}

// The numbers after `word`. Throws RunError if that is not what was said.
template <typename Number>
std::vector<Number> Numbers(const TalkingChild& child, const std::string& line,
                            const std::string& word, size_t count) {
  std::istringstream text(line);
  std::string first;
  text >> first;
  std::vector<Number> numbers;
  for (Number number; text >> number;) numbers.push_back(number);
  if (first == word && numbers.size() == count) return numbers;
  throw RunError(fmt::format("{} says '{}'", child.name(), line));
}

}  // namespace

PartProgram::PartProgram(Setup setup) : setup_(std::move(setup)) {
  const std::string name =
      is_remote() ? fmt::format("{} on {}", setup_.name, setup_.host->host) : setup_.name;
  child_ = std::make_unique<TalkingChild>(name, WordsOf(setup_));
}

void PartProgram::SendInputs(const Scenario& scenario, const std::string& prompts) {
  if (is_remote()) hat::SendInputs(scenario, prompts, *child_);
}

void PartProgram::ExpectReady(double timeout_s, const Meanwhile& meanwhile) {
  const std::string line = child_->Hear(timeout_s, meanwhile);
  if (!line.starts_with("ready ")) {
    throw RunError(fmt::format("{} says '{}'", child_->name(), line));
  }
  const std::string commit = line.substr(line.find(' ') + 1);
  if (commit == BuildCommit()) return;
  throw RunError(fmt::format("{} is hat of commit {}, this one of {}: install the same on both",
                             child_->name(), commit, BuildCommit()));
}

void PartProgram::AskClock(const Meanwhile& meanwhile) {
  if (!is_remote()) return;
  int64_t least_trip = std::numeric_limits<int64_t>::max(), ahead = 0;
  for (int i = 0; i < kClockQuestions; ++i) {
    const int64_t asked = SteadyNow();
    child_->Say("clock");
    const std::string line = child_->Hear(kAnswer_s, meanwhile);
    const int64_t trip = SteadyNow() - asked;
    const int64_t its = Numbers<int64_t>(*child_, line, "clock", 1)[0];
    if (trip >= least_trip) continue;
    least_trip = trip;
    ahead = its - (asked + trip / 2);
  }
  const bool is_known = clock_.has_value();
  if (!is_known) {
    // Less than the measurement can tell: the same clock, as programs of one machine have it.
    ahead_ns_ = std::abs(ahead) <= least_trip / 2 ? 0 : ahead;
    clock_ = {setup_.host->host, double(ahead) * 1e-6, 0, 0};
  }
  clock_->after_ms = double(ahead) * 1e-6;
  clock_->uncertainty_ms = std::max(clock_->uncertainty_ms, double(least_trip) * 0.5e-6);
}

LinkMeasurement PartProgram::AskLink(const std::string& address, const Meanwhile& meanwhile) {
  child_->Say("probe " + address);
  const std::vector<double> found =
      Numbers<double>(*child_, child_->Hear(kAnswer_s, meanwhile), "probed", 3);
  return {found[0], found[1], found[2]};
}

void PartProgram::Stop(const Meanwhile& meanwhile) {
  child_->Say("stop");
  while (child_->Hear(2 * kAnswer_s, meanwhile) != "written") {
  }
  if (is_remote()) ReceivePart(*child_, setup_.files);
}

}  // namespace hat
