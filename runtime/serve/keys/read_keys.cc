#include "runtime/serve/keys/read_keys.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxPemBytes = 1 << 16;
constexpr size_t kMaxTableBytes = 1 << 22;  // 10,000 devices with the longest names are 1.3 MB

// Throws InputError if group or others have any of these permissions. `right`: a mode for chmod.
void RefusePermissions(const std::string& path, unsigned mask, std::string_view verb,
                       std::string_view right) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) {
    throw InputError(fmt::format("cannot read '{}': {}", path, std::strerror(errno)));
  }
  if ((status.st_mode & mask) == 0) return;
  throw InputError(fmt::format("others may {} '{}' (mode {:04o}); run: chmod {} '{}'", verb, path,
                               status.st_mode & 07777, right, path));
}

void RefuseWriters(const std::string& path) { RefusePermissions(path, 022, "write", "go-w"); }

// What the user probably meant by a folder without `file`; may be empty.
std::string Hint(const std::string& folder, const std::string& own, const std::string& others) {
  if (fs::exists(fs::path(folder) / others)) {
    return fmt::format("; this is the folder of a {}", own == "token" ? "cloud" : "device");
  }
  if (fs::exists(fs::path(folder) / "ca/key.pem")) {
    return fmt::format("; this folder holds those of cloud and devices: give {}",
                       (fs::path(folder) / (own == "token" ? "device-0" : "cloud")).string());
  }
  return "; 'hat keys init' makes it";
}

// Does the folder exist, and is it of this role? `own` is the file that only such a folder has.
void CheckFolder(const std::string& folder, const std::string& own, const std::string& others) {
  RefuseTilde(folder);
  if (!fs::is_directory(folder)) {
    throw InputError(
        fmt::format("the folder of keys '{}' does not exist; 'hat keys init' makes it", folder));
  }
  RefuseWriters(folder);
  if (fs::exists(fs::path(folder) / own)) return;
  throw InputError(fmt::format("'{}' has no {}{}", folder, own, Hint(folder, own, others)));
}

PemFile ReadPem(const std::string& folder, const std::string& name, size_t most = kMaxPemBytes) {
  const std::string path = fs::path(folder) / name;
  RefuseWriters(path);
  return {path, ReadFile(path, most)};
}

// Reads and checks what both kinds of folder have. Keys: CloudKeys or DeviceKeys.
template <typename Keys>
CertificateFacts ReadCredentials(const std::string& folder, KeyOwner role,
                                 std::chrono::sys_seconds now, Keys& keys) {
  const PemFile authority = ReadPem(folder, "ca.pem");
  const PemFile certificate = ReadPem(folder, "certificate.pem");
  RefuseReaders(fs::path(folder) / "key.pem");
  const PemFile key = ReadPem(folder, "key.pem");
  CheckCredentials(authority, certificate, key, role, now);
  keys.ca_pem = authority.text;
  keys.certificate_pem = certificate.text;
  keys.key_pem = key.text;
  CertificateFacts facts = FactsOf(certificate);
  keys.valid_until = std::min(facts.validity.until, FactsOf(authority).validity.until);
  return facts;
}

std::string ReadToken(const std::string& path) {
  RefuseReaders(path);
  std::string token = ReadFile(path, kMaxPemBytes);
  while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
  if (IsToken(token)) return token;
  // Not what it holds: a message may be logged.
  throw InputError(fmt::format("'{}' must hold a token, {} digits 0-9 and a-f, and does not", path,
                               kTokenDigits));
}

}  // namespace

void RefuseReaders(const std::string& path) { RefusePermissions(path, 077, "read", "600"); }

CloudKeys ReadCloudKeys(const std::string& folder, std::chrono::sys_seconds now) {
  CheckFolder(folder, "tokens.csv", "token");
  CloudKeys keys;
  ReadCredentials(folder, KeyOwner::kCloud, now, keys);
  const PemFile tokens = ReadPem(folder, "tokens.csv", kMaxTableBytes);
  keys.tokens = TokenTable::Parse(tokens.text, tokens.path);
  return keys;
}

DeviceKeys ReadDeviceKeys(const std::string& folder, std::chrono::sys_seconds now) {
  CheckFolder(folder, "token", "tokens.csv");
  DeviceKeys keys;
  keys.name = ReadCredentials(folder, KeyOwner::kDevice, now, keys).name;
  keys.token = ReadToken(fs::path(folder) / "token");
  return keys;
}

}  // namespace hat
