#include "runtime/serve/keys/token_table.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "core/csv.h"
#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

constexpr const char* kColumns[] = {"device", "token_sha256"};

}  // namespace

bool IsToken(std::string_view text) {
  return text.size() == kTokenDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string DeviceNameProblem(const std::string& name) {
  const auto is_allowed = [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '_' || c == '-';
  };
  const bool is_name = !name.empty() && name.size() <= 64 && name != "ca" && name != "cloud" &&
                       std::ranges::all_of(name, is_allowed) &&
                       std::isalnum(static_cast<unsigned char>(name.front()));
  if (is_name) return "";
  return fmt::format(
      "must be 1 to 64 letters, digits, '.', '_' and '-', the first a letter or a digit, and not "
      "'ca' or 'cloud'; got '{}'",
      name);
}

TokenTable TokenTable::Load(const std::string& path) { return Parse(ReadFile(path), path); }

TokenTable TokenTable::Parse(std::string csv, const std::string& path) {
  const CsvFile file = CsvFile::Parse(std::move(csv), path);
  const int names = file.ColumnIndex(kColumns[0]), hashes = file.ColumnIndex(kColumns[1]);
  TokenTable table;
  std::set<std::string> seen;
  for (int row = 0; row < file.rows(); ++row) {
    const KnownDevice device{file.Text(row, names), file.Text(row, hashes)};
    const std::string problem = DeviceNameProblem(device.name);
    if (!problem.empty()) {
      throw InputError(fmt::format("{}: 'device' {}", file.Place(row), problem));
    }
    if (!IsToken(device.token_sha256)) {
      throw file.Error(row, hashes, "a SHA-256 in 64 digits 0-9 and a-f");
    }
    if (!seen.insert(device.name).second) throw file.Error(row, names, "named once");
    if (!seen.insert(device.token_sha256).second) throw file.Error(row, hashes, "of one device");
    table.devices_.push_back(device);
  }
  return table;
}

std::string TokenTable::Csv() const {
  std::string csv = fmt::format("{},{}\n", kColumns[0], kColumns[1]);
  for (const KnownDevice& device : devices_) {
    csv += fmt::format("{},{}\n", device.name, device.token_sha256);
  }
  return csv;
}

std::optional<int> TokenTable::IndexOf(std::string_view name) const {
  const auto found = std::ranges::find(devices_, name, &KnownDevice::name);
  if (found == devices_.end()) return std::nullopt;
  return static_cast<int>(found - devices_.begin());
}

std::optional<int> TokenTable::Find(std::string_view token) const {
  const std::string hash = Sha256Hex(token);
  int index = -1;
  for (size_t i = 0; i < devices_.size(); ++i) {
    const std::string& known = devices_[i].token_sha256;
    const bool is_it = CRYPTO_memcmp(known.data(), hash.data(), hash.size()) == 0;
    index = is_it ? static_cast<int>(i) : index;
  }
  return index < 0 ? std::nullopt : std::optional(index);
}

void TokenTable::Set(const std::string& name, std::string_view token) {
  HAT_CHECK(DeviceNameProblem(name).empty() && IsToken(token), name);
  if (const auto index = IndexOf(name)) {
    devices_[static_cast<size_t>(*index)].token_sha256 = Sha256Hex(token);
  } else {
    devices_.push_back({name, Sha256Hex(token)});
  }
}

}  // namespace hat
