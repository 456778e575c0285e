#include "experiments/plan/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kStates = {CellState::kPending, CellState::kRunning, CellState::kDone,
                                CellState::kFailed};

const char* NameOf(CellState state) {
  switch (state) {
    case CellState::kPending:
      return "pending";
    case CellState::kRunning:
      return "running";
    case CellState::kDone:
      return "done";
    case CellState::kFailed:
      return "failed";
  }
  return "";
}

CellState StateNamed(const std::string& name) {
  for (const CellState state : kStates) {
    if (name == NameOf(state)) return state;
  }
  throw InputError(fmt::format("unknown state '{}'", name));
}

// Whoever goes on may remove or take over what lies there: nothing outside the plan's folder.
void RequireBelow(const std::string& folder) {
  const std::filesystem::path path(folder);
  const bool is_below = !folder.empty() && path.is_relative() && path.lexically_normal() == path &&
                        folder != "." && *path.begin() != "..";
  if (!is_below) throw InputError(fmt::format("'{}' is no folder below it", folder));
}

Json CellJson(const Plan& plan, const Cell& cell, const CellStatus& status) {
  Json json = {
      {"name", cell.name},     {"state", NameOf(status.state)},    {"attempts", status.attempts},
      {"folder", cell.folder}, {"command", CommandOf(plan, cell)}, {"inputs", status.inputs}};
  if (!status.reason.empty()) json["reason"] = status.reason;
  return json;
}

std::vector<CellStatus> Parse(const Json& json) {
  if (json.at("schema_version") != kStatusSchema) {
    throw InputError(fmt::format("schema_version is not {}", kStatusSchema));
  }
  std::vector<CellStatus> statuses;
  for (const Json& cell : json.at("cells")) {
    CellStatus& status = statuses.emplace_back();
    cell.at("folder").get_to(status.folder);
    RequireBelow(status.folder);
    status.state = StateNamed(cell.at("state").get<std::string>());
    cell.at("attempts").get_to(status.attempts);
    cell.at("inputs").get_to(status.inputs);
    status.reason = cell.value("reason", "");
  }
  return statuses;
}

}  // namespace

std::string StatusJson(const Plan& plan, const std::vector<CellStatus>& statuses) {
  HAT_CHECK(statuses.size() == plan.cells.size());
  Json json = {{"schema_version", kStatusSchema}};
  for (const CellState state : kStates) {
    json[NameOf(state)] =
        std::ranges::count_if(statuses, [&](const auto& cell) { return cell.state == state; });
  }
  json["cells"] = Json::array();
  for (size_t i = 0; i < statuses.size(); ++i) {
    json["cells"].push_back(CellJson(plan, plan.cells[i], statuses[i]));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::vector<CellStatus> ParseStatus(const std::string& text, const std::string& name) {
  try {
    return Parse(Json::parse(text));
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}: not the status of a plan: {}", name, error.what()));
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: not the status of a plan: {}", name, error.what()));
  }
}

}  // namespace hat
