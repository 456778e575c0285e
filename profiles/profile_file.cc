#include "profiles/profile_file.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/files.h"
#include "core/strict_json.h"

namespace hat {
namespace {

constexpr char kFormat[] = "hat-profile/1";
constexpr double kMaxUs = 1e12;
constexpr Provenance kProvenances[] = {Provenance::kMeasured, Provenance::kPublished,
                                       Provenance::kModelled};
// What a measurement says of itself, in the order in which it is written.
const std::vector<std::string> kMeasurementKeys = {
    "commit",   "date",        "device", "threads", "libtorch", "driver",
    "clock",    "reference",   "rounds", "seed",    "split",    "last_level_cache_mib",
    "pause_ms", "ring_layers", "warning"};

Provenance ReadProvenance(const JsonNode& node) {
  std::vector<std::string> names;
  for (const Provenance provenance : kProvenances) names.push_back(Name(provenance));
  const std::string name = node.Choice(names);
  return kProvenances[std::find(names.begin(), names.end(), name) - names.begin()];
}

ProfileInfo ReadInfo(const JsonNode& root) {
  ProfileInfo info;
  info.id = root.At("id").String();
  info.role = ParseRole(root.At("role").Choice({Name(Role::kDevice), Name(Role::kCloud)}), "role");
  info.provenance = ReadProvenance(root.At("provenance"));
  info.hardware = root.At("hardware").String();
  if (root.Has("power_mode")) info.power_mode = root.At("power_mode").String();
  info.memory = Bytes(static_cast<double>(root.At("memory_bytes").Integer(1, int64_t{1} << 50)));
  info.model = ReadModelShape(root.At("model"));
  info.dtype = *FindDtype(root.At("dtype").Choice(DtypeWords(kAllDtypes)));
  info.source = root.At("source").String();
  return info;
}

LatencyGrid::Point ReadPoint(const JsonNode& node) {
  node.AllowOnly({"tokens", "context", "samples_us", "quantiles_us"});
  LatencyGrid::Point point;
  point.tokens = static_cast<int>(node.At("tokens").Integer(1, 1 << 30));
  point.context = static_cast<int>(node.At("context").Integer(0, 1 << 30));
  if (node.Has("samples_us") == node.Has("quantiles_us")) {
    node.Fail("must have either 'samples_us' or 'quantiles_us'");
  }
  if (node.Has("samples_us")) {
    for (const JsonNode& sample : node.At("samples_us").Items()) {
      point.samples_us.push_back(sample.Number(0, kMaxUs));
    }
    return point;
  }
  for (const JsonNode& pair : node.At("quantiles_us").Items()) {
    const std::vector<JsonNode> numbers = pair.Items();
    if (numbers.size() != 2) pair.Fail("must be [quantile, us]");
    point.quantiles.push_back(numbers[0].Number(0, 1));
    point.samples_us.push_back(numbers[1].Number(0, kMaxUs));
  }
  return point;
}

std::vector<LatencyGrid::Point> ReadOperation(const JsonNode& node) {
  node.AllowOnly({"unit", "points"});
  node.At("unit").Choice({"us"});
  std::vector<LatencyGrid::Point> points;
  for (const JsonNode& point : node.At("points").Items()) points.push_back(ReadPoint(point));
  return points;
}

std::map<std::string, std::string> ReadMeasurement(const JsonNode& node) {
  node.AllowOnly(kMeasurementKeys);
  std::map<std::string, std::string> measurement;
  for (const std::string& key : node.Keys()) measurement[key] = node.At(key).String();
  return measurement;
}

void ReadOperations(const JsonNode& node, ProfileData& data) {
  const RoleOperations operations = OperationsOf(data.info);
  node.AllowOnly(NamesOf(operations.all()));
  for (const OperationKey& key : operations.required) node.At(Name(key));
  for (const OperationKey& key : operations.all()) {
    if (node.Has(Name(key))) data.operations[key] = ReadOperation(node.At(Name(key)));
  }
}

std::string Quote(const std::string& text) { return nlohmann::json(text).dump(); }

std::string PointText(const LatencyGrid::Point& point) {
  std::string text = fmt::format(R"({{"tokens":{},"context":{},)", point.tokens, point.context);
  if (point.quantiles.empty()) {
    return text + fmt::format(R"("samples_us":[{}]}})", fmt::join(point.samples_us, ","));
  }
  std::vector<std::string> pairs;
  for (size_t i = 0; i < point.quantiles.size(); ++i) {
    pairs.push_back(fmt::format("[{},{}]", point.quantiles[i], point.samples_us[i]));
  }
  return text + fmt::format(R"("quantiles_us":[{}]}})", fmt::join(pairs, ","));
}

std::string OperationText(const std::string& name, const std::vector<LatencyGrid::Point>& points) {
  std::vector<std::string> lines;
  for (const LatencyGrid::Point& point : points) lines.push_back(PointText(point));
  return fmt::format("    {}: {{\"unit\": \"us\", \"points\": [\n{}]}}", Quote(name),
                     fmt::join(lines, ",\n"));
}

std::string LayerText(const char* count_key, int count, const LayerShape& layer) {
  return fmt::format(R"("{}": {}, "heads": {}, "kv_heads": {}, "head_dim": {}, "ffn": {})",
                     count_key, count, layer.heads, layer.kv_heads, layer.head_dim, layer.ffn);
}

std::string LayersText(const ModelShape& model) {
  if (model.has_like_layers()) {
    return LayerText("layers", model.layer_count(), model.every_layer());
  }
  std::vector<std::string> runs;
  for (const auto& [count, layer] : LayerRuns(model)) {
    runs.push_back("{" + LayerText("count", count, layer) + "}");
  }
  return fmt::format(R"("layers": [{}])", fmt::join(runs, ", "));
}

std::string ModelText(const ModelShape& m) {
  return fmt::format(R"({{"name": {}, "hidden": {}, {}, "vocabulary": {}, "tied_embeddings": {}}})",
                     Quote(m.name), m.hidden, LayersText(m), m.vocabulary, m.tied_embeddings);
}

std::string MeasurementText(const std::map<std::string, std::string>& measurement) {
  std::vector<std::string> lines;
  for (const std::string& key : kMeasurementKeys) {
    const auto found = measurement.find(key);
    if (found == measurement.end()) continue;
    lines.push_back(fmt::format("    {}: {}", Quote(key), Quote(found->second)));
  }
  HAT_CHECK(lines.size() == measurement.size(), "an unknown key of a measurement");
  return fmt::format("{{\n{}\n  }}", fmt::join(lines, ",\n"));
}

std::string OperationsText(const ProfileData& data) {
  const std::vector<OperationKey> all = OperationsOf(data.info).all();
  std::vector<std::string> texts;
  for (const OperationKey& key : all) {
    const auto found = data.operations.find(key);
    if (found != data.operations.end()) texts.push_back(OperationText(Name(key), found->second));
  }
  if (texts.size() != data.operations.size()) {
    throw InputError(fmt::format("a {} profile may have the operations {}", Name(data.info.role),
                                 fmt::join(NamesOf(all), ", ")));
  }
  return fmt::format("{}", fmt::join(texts, ",\n"));
}

}  // namespace

std::string Name(Provenance provenance) {
  switch (provenance) {
    case Provenance::kMeasured:
      return "measured";
    case Provenance::kPublished:
      return "published";
    case Provenance::kModelled:
      return "modelled";
  }
  HAT_CHECK(false);
}

RoleOperations OperationsOf(const ProfileInfo& info) {
  return OperationsOf(info.role, static_cast<int>(info.model.LayerClasses().size()));
}

ProfileData ParseProfile(const std::string& text, const std::string& name) {
  const nlohmann::json document = ParseJson(text, name);
  const JsonNode root(document, name);
  root.At("format").Choice({kFormat});
  root.AllowOnly({"format", "id", "role", "provenance", "hardware", "power_mode", "memory_bytes",
                  "model", "dtype", "source", "measurement", "allow_extrapolation", "draft_layers",
                  "operations"});
  ProfileData data;
  data.info = ReadInfo(root);
  data.info.path = name;
  data.info.sha256 = Sha256Hex(text);
  if (root.Has("measurement")) {
    if (data.info.provenance != Provenance::kMeasured) {
      root.At("measurement").Fail("belongs to measured profiles only");
    }
    data.measurement = ReadMeasurement(root.At("measurement"));
  }
  if (root.Has("allow_extrapolation"))
    data.allow_extrapolation = root.At("allow_extrapolation").Bool();
  ReadOperations(root.At("operations"), data);
  const bool has_draft = data.operations.contains(Operation::kDraft);
  if (has_draft) {
    data.draft_layers =
        static_cast<int>(root.At("draft_layers").Integer(1, data.info.model.layer_count()));
  } else if (root.Has("draft_layers")) {
    root.At("draft_layers").Fail("needs an operation 'draft'");
  }
  return data;
}

ProfileData ReadProfile(const std::string& path) { return ParseProfile(ReadFile(path), path); }

std::string ProfileText(const ProfileData& data) {
  const ProfileInfo& info = data.info;
  std::string text = "{\n";
  const auto add = [&](const char* key, const std::string& value) {
    text += fmt::format("  {}: {},\n", Quote(key), value);
  };
  add("format", Quote(kFormat));
  add("id", Quote(info.id));
  add("role", Quote(Name(info.role)));
  add("provenance", Quote(Name(info.provenance)));
  add("hardware", Quote(info.hardware));
  if (!info.power_mode.empty()) add("power_mode", Quote(info.power_mode));
  add("memory_bytes", fmt::format("{:.0f}", info.memory.value()));
  add("model", ModelText(info.model));
  add("dtype", Quote(Name(info.dtype)));
  add("source", Quote(info.source));
  if (!data.measurement.empty()) add("measurement", MeasurementText(data.measurement));
  if (data.allow_extrapolation) add("allow_extrapolation", "true");
  if (data.draft_layers > 0) add("draft_layers", fmt::format("{}", data.draft_layers));
  return text + "  \"operations\": {\n" + OperationsText(data) + "\n  }\n}\n";
}

}  // namespace hat
