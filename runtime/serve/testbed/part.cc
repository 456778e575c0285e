#include "runtime/serve/testbed/part.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <map>

#include "core/error.h"
#include "core/files.h"
#include "core/machine.h"
#include "experiments/results/statistics.h"

namespace hat {
namespace {

std::vector<double> ReadLateness(const std::string& path) {
  const std::string text = ReadFile(path);
  std::vector<double> late;
  for (const char* at = text.data(); at != text.data() + text.size(); ++at) {
    double value = 0;
    const auto [end, error] = std::from_chars(at, text.data() + text.size(), value);
    if (error != std::errc() || *end != '\n') {
      throw InputError(fmt::format("{}: not a number a line", path));
    }
    late.push_back(value);
    at = end;
  }
  return late;
}

// The same host in several roles, the same program in several processes: one entry.
void Join(std::vector<ReceiptHost>& hosts, const ReceiptHost& host) {
  const auto same = std::ranges::find(hosts, host.name, &ReceiptHost::name);
  if (same == hosts.end()) {
    hosts.push_back(host);
    return;
  }
  same->cpu_s += host.cpu_s;
  for (const std::string& role : host.roles) {
    if (std::ranges::find(same->roles, role) == same->roles.end()) same->roles.push_back(role);
  }
}

void Join(Receipt& all, const Receipt& share) {
  for (const ReceiptProgram& program : share.programs) {
    if (std::ranges::find(all.programs, program) == all.programs.end()) {
      all.programs.push_back(program);
    }
  }
  for (const ReceiptHost& host : share.hosts) Join(all.hosts, host);
  all.links.insert(all.links.end(), share.links.begin(), share.links.end());
  all.overruns.operations += share.overruns.operations;
  all.overruns.overran += share.overruns.overran;
  all.overruns.largest_ms = std::max(all.overruns.largest_ms, share.overruns.largest_ms);
  all.outputs.insert(all.outputs.end(), share.outputs.begin(), share.outputs.end());
  all.near_ties.insert(all.near_ties.end(), share.near_ties.begin(), share.near_ties.end());
}

// Each request's near-ties stay in their order.
void SortByRequest(Receipt& receipt) {
  const auto by_request = [](const auto& a, const auto& b) { return a.request < b.request; };
  std::ranges::stable_sort(receipt.outputs, by_request);
  std::ranges::stable_sort(receipt.near_ties, by_request);
}

ReceiptLateness LatenessOf(std::vector<double> late) {
  ReceiptLateness lateness;
  if (late.empty()) return lateness;
  std::ranges::sort(late);
  lateness.frames = static_cast<int64_t>(late.size());
  lateness.p50_us = 1e6 * Percentile(late, 0.5);
  lateness.p99_us = 1e6 * Percentile(late, 0.99);
  lateness.largest_us = 1e6 * late.back();
  return lateness;
}

}  // namespace

ReceiptProgram ThisProgram(const std::string& name) {
  constexpr size_t kMost = size_t{1} << 33;
  return {name, BuildCommit(), Sha256Hex(ReadFile("/proc/self/exe", kMost))};
}

ReceiptHost ThisHost(const std::string& role) {
  utsname names{};
  ::uname(&names);
  const std::vector<std::string> processors = KernelValues("/proc/cpuinfo", "model name");
  return {.name = names.nodename,
          .roles = {role},
          .hardware = processors.empty() ? names.machine : processors.front(),
          .system = fmt::format("{} {}", names.sysname, names.release),
          .cores = CoreCount(),
          .memory_bytes = static_cast<int64_t>(TotalMemory().value()),
          .cpu_s = double(std::clock()) / CLOCKS_PER_SEC};
}

void WritePart(const PartFiles& files, Receipt share, const std::vector<double>& late) {
  SortByRequest(share);
  fmt::memory_buffer text;
  for (const double s : late) fmt::format_to(fmt::appender(text), "{}\n", s);
  WriteFileAtomically(files.lateness(), {text.data(), text.size()});
  WriteFileAtomically(files.receipt(), ReceiptJson(share));
}

void AddReference(const PartFiles& files, Receipt& receipt) {
  const std::string text = ReadFile(files.reference());
  std::map<int, std::string> digests;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at), comma = text.find(',', at);
    if (end == std::string::npos || comma > end) {
      throw InputError(fmt::format("{}: not REQUEST,SHA256 lines", files.reference()));
    }
    digests[std::stoi(text.substr(at, comma - at))] = text.substr(comma + 1, end - comma - 1);
    at = end + 1;
  }
  for (ReceiptOutput& output : receipt.outputs) output.reference_sha256 = digests[output.request];
}

Receipt MergeParts(const std::vector<PartFiles>& parts) {
  Receipt all;
  std::vector<double> late;
  for (const PartFiles& files : parts) {
    const Receipt share = ReadReceipt(files.receipt());
    if (all.programs.empty()) {
      all.model_sha256 = share.model_sha256;
      all.settings = share.settings;
    }
    Join(all, share);
    for (const double s : ReadLateness(files.lateness())) late.push_back(s);
  }
  SortByRequest(all);
  all.lateness = LatenessOf(std::move(late));
  return all;
}

}  // namespace hat
