#include "profiles/profile_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <optional>
#include <vector>

#include "core/error.h"
#include "core/terminal_text.h"

namespace hat {
namespace {

constexpr int kTokenColumns[] = {1, 4, 16, 64, 256, 1024, 4096, 16384};
constexpr int kDecodeContexts[] = {0, 1024, 4096};
constexpr int kPrefillTokens[] = {128, 512, 1024, 2048};
constexpr int kSplitLayers = 2;  // as HAT splits Vicuna-7B

struct NamedGrid {
  std::string name;
  LatencyGrid grid;
};

std::vector<NamedGrid> GridsOf(const ProfileData& data) {
  std::vector<NamedGrid> grids;
  for (const OperationKey& key : OperationsOf(data.info).all()) {
    const auto found = data.operations.find(key);
    if (found == data.operations.end()) continue;
    const std::string name = Name(key);
    grids.push_back({name, LatencyGrid(name, found->second, false, true)});
  }
  return grids;
}

// Five significant digits, never an exponent.
std::string Number(double value) {
  const int decimals = value >= 1000 ? 0 : value >= 100 ? 1 : value >= 10 ? 2 : 3;
  return fmt::format("{:.{}f}", value, decimals);
}

std::string MeasurementLines(const ProfileData& data) {
  std::string lines;
  for (const auto& [key, value] : data.measurement) {
    lines += Paragraph(fmt::format("  {}: ", key), value);
  }
  return lines;
}

std::string Header(const ProfileInfo& info) {
  return Paragraph("", ProfileTitle(info)) + Paragraph("  id      ", info.id) +
         fmt::format("  memory  {:.0f} GiB\n", info.memory.value() / 1073741824.0) +
         Paragraph("  model   ", Describe(info.model)) + Paragraph("  source  ", info.source) +
         Paragraph("  sha256  ", info.sha256);
}

void AddOperationRows(const NamedGrid& named, std::vector<Cells>& rows) {
  for (const int context : named.grid.contexts().points()) {
    Cells& cells = rows.emplace_back(Cells{named.name, std::to_string(context)});
    for (const int tokens : kTokenColumns) {
      const bool is_covered = named.grid.tokens().Covers(tokens);
      cells.push_back(is_covered ? Number(ToMicroseconds(named.grid.At(tokens, context))) : "-");
    }
  }
}

std::string OperationTable(const ProfileData& data) {
  std::vector<Cells> rows = {{"operation", "context"}};
  for (const int tokens : kTokenColumns) rows[0].push_back(std::to_string(tokens));
  for (const NamedGrid& named : GridsOf(data)) AddOperationRows(named, rows);
  return "Latency in us (median), by new tokens\n" + AlignedTable(rows);
}

// Nothing where the profile does not reach.
template <class Profile>
std::optional<Seconds> PassIfCovered(const Profile& profile, int tokens, int context) {
  try {
    return WholeModelPass(profile, tokens, context);
  } catch (const InputError&) {
    return std::nullopt;
  }
}

template <class Profile>
std::string WholeModel(const Profile& profile) {
  std::vector<std::string> decode;
  std::vector<std::string> prefill;
  for (const int context : kDecodeContexts) {
    if (const auto pass = PassIfCovered(profile, 1, context)) {
      decode.push_back(fmt::format("{} at context {}", Number(ToMilliseconds(*pass)), context));
    }
  }
  for (const int tokens : kPrefillTokens) {
    if (const auto pass = PassIfCovered(profile, tokens, 0)) {
      prefill.push_back(fmt::format("{:.0f} for {} tokens", tokens / pass->value(), tokens));
    }
  }
  return fmt::format("Whole model, if one machine ran all {} layers, one sequence\n",
                     profile.info().model.layer_count()) +
         Paragraph("  decode, ms a token: ", fmt::format("{}", fmt::join(decode, ", "))) +
         Paragraph("  prefill, tokens/s:  ", fmt::format("{}", fmt::join(prefill, ", ")));
}

std::string SplitSteps(const DeviceProfile& profile) {
  std::string text =
      fmt::format("With {} layers on the device, ms at context 0\n  input(1):  {}\n", kSplitLayers,
                  Number(ToMilliseconds(profile.Input(1, 0, kSplitLayers))));
  if (!profile.has_adapter()) return text;
  return text + fmt::format("  draft(1):  {}\n",
                            Number(ToMilliseconds(profile.Draft(1, 0, kSplitLayers))));
}

}  // namespace

Seconds WholeModelPass(const DeviceProfile& profile, int tokens, int context) {
  return profile.Input(tokens, context, profile.info().model.layer_count()) + profile.Head(1);
}

Seconds WholeModelPass(const CloudProfile& profile, int tokens, int context) {
  const ModelShape& model = profile.info().model;
  const Seconds layers = profile.Layers(model.LayersOfClasses(0, model.layer_count()),
                                        std::array{BatchedSequence{tokens, context}});
  return profile.Embedding(tokens) + layers + profile.Head(1);
}

std::string ProfileTitle(const ProfileInfo& info) {
  const std::string mode = info.power_mode.empty() ? "" : fmt::format(" ({})", info.power_mode);
  return fmt::format("{} on {}{}, {}, {}: {}", info.model.name, info.hardware, mode,
                     Name(info.role), Name(info.dtype), Name(info.provenance));
}

std::string ProfileSummary(const ProfileData& data) {
  if (data.info.role == Role::kDevice) {
    const DeviceProfile profile(data);
    return WholeModel(profile) + SplitSteps(profile);
  }
  const CloudProfile profile(data);
  return profile.has_embedding_and_head() ? WholeModel(profile) : "";
}

std::string ProfileReport(const ProfileData& data) {
  const std::string summary = ProfileSummary(data);
  return Header(data.info) + MeasurementLines(data) + "\n" + OperationTable(data) + "\n" + summary;
}

std::string ProfileFigureCsv(const ProfileData& data) {
  std::string csv = "operation,context,tokens,median_us,p10_us,p90_us\n";
  for (const NamedGrid& named : GridsOf(data)) {
    for (const int context : named.grid.contexts().points()) {
      for (const int tokens : named.grid.tokens().points()) {
        const auto at = [&](double quantile) {
          return ToMicroseconds(named.grid.At(tokens, context, quantile));
        };
        csv += fmt::format("{},{},{},{:.6g},{:.6g},{:.6g}\n", named.name, context, tokens,
                           at(kMedian), at(0.1), at(0.9));
      }
    }
  }
  return csv;
}

}  // namespace hat
