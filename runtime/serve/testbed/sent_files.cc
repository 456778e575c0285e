#include "runtime/serve/testbed/sent_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <istream>
#include <set>

#include "core/error.h"
#include "core/files.h"
#include "experiments/scenario/input_files.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFile = "file ";
constexpr std::string_view kEnd = "end";
constexpr double kTimeout_s = 60;
constexpr int64_t kMostBytes = int64_t{1} << 30;

// "file SIZE NAME": what follows is so long, in bytes or in lines.
struct Heading {
  int64_t size = 0;
  std::string name;
};

std::string Text(int64_t size, const std::string& name) {
  return fmt::format("{}{} {}\n", kFile, size, name);
}

Heading ParseHeading(const std::string& line) {
  Heading heading;
  if (line.starts_with(kFile)) {
    const char* const end = line.data() + line.size();
    const auto [rest, error] = std::from_chars(line.data() + kFile.size(), end, heading.size);
    if (error == std::errc() && rest != end && *rest == ' ') heading.name.assign(rest + 1, end);
  }
  if (heading.name.empty() || heading.size < 0 || heading.size > kMostBytes) {
    throw RunError(fmt::format("expected a file, heard '{}'", line));
  }
  return heading;
}

// In the folder, and nowhere else.
fs::path PlaceOf(const std::string& name, const std::string& folder) {
  const fs::path path(name);
  if (path.is_absolute() || std::ranges::count(path, fs::path("..")) > 0) {
    throw RunError(fmt::format("'{}' is no name for a file that is sent", name));
  }
  return fs::path(folder) / path;
}

std::vector<std::string> PathsOf(const PartFiles& files) {
  return {files.events(), files.receipt(), files.lateness()};
}

}  // namespace

std::string SentName(const std::string& path) {
  return fs::absolute(path).lexically_normal().relative_path();
}

void SendInputs(const Scenario& scenario, const std::string& prompts, TalkingChild& child) {
  std::set<std::string> paths = {scenario.path, prompts};
  for (const std::string& path : InputPathsOf(scenario)) paths.insert(path);
  paths.erase(scenario.acceptance.trace_path);  // live programs draft by themselves
  for (const std::string& path : paths) {
    const std::string content = ReadFile(path);
    child.Send(Text(static_cast<int64_t>(content.size()), SentName(path)) + content);
  }
  child.Say(std::string(kEnd));
}

void ReceiveInputs(std::istream& from, const std::string& folder) {
  for (std::string line; std::getline(from, line) && line != kEnd;) {
    const Heading heading = ParseHeading(line);
    std::string content(static_cast<size_t>(heading.size), '\0');
    from.read(content.data(), heading.size);
    if (!from) break;
    const fs::path place = PlaceOf(heading.name, folder);
    fs::create_directories(place.parent_path());
    WriteFileAtomically(place, content);
  }
  if (!from) throw RunError("the controller has gone");
}

void SendPart(const PartFiles& files) {
  for (const std::string& path : PathsOf(files)) {
    const std::string content = ReadFile(path);
    const auto lines = std::ranges::count(content, '\n');
    PrintResult(Text(lines, path.substr(files.prefix.size())) + content);
  }
}

void ReceivePart(TalkingChild& child, const PartFiles& files) {
  for (const std::string& path : PathsOf(files)) {
    const Heading heading = ParseHeading(child.Hear(kTimeout_s));
    if (files.prefix + heading.name != path) {
      throw RunError(fmt::format("{} sends '{}'", child.name(), heading.name));
    }
    std::string content;
    for (int64_t line = 0; line < heading.size; ++line) content += child.Hear(kTimeout_s) + "\n";
    WriteFileAtomically(path, content);
  }
}

}  // namespace hat
