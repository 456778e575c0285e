#include "runtime/serve/keys/show_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "core/error.h"
#include "core/files.h"
#include "core/terminal_text.h"
#include "runtime/serve/keys/read_keys.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

PemFile CertificateIn(const fs::path& folder) {
  const std::string path = folder / "certificate.pem";
  return {path, ReadFile(path)};
}

ShownKeys ShowAuthority(const fs::path& folder, std::chrono::sys_seconds now) {
  ShownKeys shown{"ca", "CA", FactsOf(CertificateIn(folder)), ""};
  try {
    RefuseReaders(folder / "key.pem");
    const Validity& validity = shown.facts.validity;
    if (now < validity.from || now >= validity.until) shown.problem = "it is not valid now";
  } catch (const InputError& error) {
    shown.problem = error.what();
  }
  return shown;
}

ShownKeys ShowCloud(const fs::path& folder, const std::string& name, std::chrono::sys_seconds now) {
  ShownKeys shown{name, "cloud", FactsOf(CertificateIn(folder)), ""};
  try {
    const size_t devices = ReadCloudKeys(folder, now).tokens.devices().size();
    shown.what = Counted(devices, "device");
  } catch (const InputError& error) {
    shown.problem = error.what();
  }
  return shown;
}

// `known`: the cloud's devices, where they are at hand.
ShownKeys ShowDevice(const fs::path& folder, const std::string& name, const TokenTable* known,
                     std::chrono::sys_seconds now) {
  ShownKeys shown{name, "device", FactsOf(CertificateIn(folder)), ""};
  try {
    const DeviceKeys keys = ReadDeviceKeys(folder, now);
    if (known == nullptr) return shown;
    const auto index = known->Find(keys.token);
    if (!index || known->devices()[static_cast<size_t>(*index)].name != keys.name) {
      shown.problem =
          fmt::format("cloud/tokens.csv has another token for '{}', or none", keys.name);
    }
  } catch (const InputError& error) {
    shown.problem = error.what();
  }
  return shown;
}

// The names of the devices' folders: those of the table in its order, then others.
std::vector<std::string> DevicesIn(const fs::path& folder, const TokenTable& known) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    const bool is_device = DeviceNameProblem(name).empty() && fs::exists(entry.path() / "token");
    if (is_device) names.push_back(name);
  }
  std::ranges::sort(names, {}, [&](const std::string& name) {
    const int last = static_cast<int>(known.devices().size());
    return std::pair(known.IndexOf(name).value_or(last), name);
  });
  return names;
}

}  // namespace

std::vector<ShownKeys> ShowKeys(const std::string& folder, std::chrono::sys_seconds now) {
  RefuseTilde(folder);
  const fs::path place(folder);
  if (fs::exists(place / "token")) return {ShowDevice(place, ".", nullptr, now)};
  if (fs::exists(place / "tokens.csv")) return {ShowCloud(place, ".", now)};
  if (!fs::exists(place / "ca/certificate.pem") || !fs::exists(place / "cloud/tokens.csv")) {
    throw InputError(fmt::format(
        "'{}' holds neither the keys of 'hat keys init' nor those of a cloud or a device", folder));
  }
  std::vector<ShownKeys> all = {ShowAuthority(place / "ca", now),
                                ShowCloud(place / "cloud", "cloud", now)};
  const TokenTable known = TokenTable::Load(place / "cloud/tokens.csv");
  for (const std::string& name : DevicesIn(place, known)) {
    all.push_back(ShowDevice(place / name, name, &known, now));
  }
  return all;
}

}  // namespace hat
