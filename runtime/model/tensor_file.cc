#include "runtime/model/tensor_file.h"

#include <charconv>
#include <cmath>

#include <ATen/ATen.h>

#include "core/decimal.h"
#include "core/error.h"

namespace hat {
namespace {

template <typename Number>
std::optional<Number> Parse(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<uint64_t> RandomSeed(const std::string& text) {
  const std::string prefix = "random:";
  if (!text.starts_with(prefix)) return std::nullopt;
  const auto seed = Parse<uint64_t>(text.substr(prefix.size()));
  if (!seed) throw InputError("'" + text + "': the seed must be an integer >= 0");
  return seed;
}

std::string ExactText(double value) { return ShortestDecimal(value); }

TaggedTensors::TaggedTensors(const std::string& path, const std::string& kind,
                             const std::string& id)
    : path_(path), file_(ReadTensorFile(path)) {
  const auto found = file_.metadata.find("kind");
  if (found == file_.metadata.end() || found->second != kind) {
    throw InputError(path_ + ": its metadata must say kind = " + kind + ", it says " +
                     (found == file_.metadata.end() ? "nothing" : "'" + found->second + "'"));
  }
  if (Text("model") != id) {
    throw InputError(path_ + ": trained on another model (" + Text("model").substr(0, 12) +
                     "..., this one is " + id.substr(0, 12) + "...)");
  }
}

const std::string& TaggedTensors::Text(const std::string& key) const {
  const auto found = file_.metadata.find(key);
  if (found == file_.metadata.end()) {
    throw InputError(path_ + ": its metadata has no '" + key + "'");
  }
  return found->second;
}

std::vector<int64_t> TaggedTensors::Shape(const std::string& name) const {
  const auto found = file_.tensors.find(name);
  return found == file_.tensors.end() ? std::vector<int64_t>{} : found->second.sizes().vec();
}

int TaggedTensors::Integer(const std::string& key) const {
  const auto value = Parse<int>(Text(key));
  if (!value)
    throw InputError(path_ + ": '" + key + "' must be an integer, got '" + Text(key) + "'");
  return *value;
}

double TaggedTensors::Positive(const std::string& key) const {
  const auto value = ParseDecimal(Text(key));
  if (!value || !std::isfinite(*value) || *value <= 0) {
    throw InputError(path_ + ": '" + key + "' must be a number > 0, got '" + Text(key) + "'");
  }
  return *value;
}

at::Tensor TaggedTensors::Tensor(const std::string& name, const std::vector<int64_t>& shape) const {
  asked_.insert(name);
  return LoadChecked(file_.tensors, name, shape, {}, path_ + ": ");
}

void TaggedTensors::RefuseOthers() const {
  for (const auto& [name, tensor] : file_.tensors) {
    if (!asked_.contains(name)) throw InputError(path_ + ": has an unknown tensor '" + name + "'");
  }
}

}  // namespace hat
