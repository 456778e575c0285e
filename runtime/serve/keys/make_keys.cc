#include "runtime/serve/keys/make_keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/files.h"
#include "runtime/serve/keys/read_keys.h"
#include "runtime/serve/keys/token_table.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

constexpr char kAuthorityKey[] = "ca/key.pem";
constexpr char kAuthorityCertificate[] = "ca/certificate.pem";
constexpr char kTokens[] = "cloud/tokens.csv";

void CheckPlan(const KeysPlan& plan) {
  std::set<std::string> seen;
  for (const std::string& name : plan.devices) {
    const std::string problem = DeviceNameProblem(name);
    if (!problem.empty()) throw InputError("a device's name " + problem);
    if (!seen.insert(name).second) {
      throw InputError(fmt::format("the device '{}' is named twice", name));
    }
  }
  for (const std::string& host : plan.hosts) {
    const std::string problem = HostProblem(host);
    if (!problem.empty()) throw InputError("a host " + problem);
  }
  HAT_CHECK(plan.days >= 1 && plan.days <= kMaxKeyDays && !plan.hosts.empty());
}

Validity ValidFor(int days, std::chrono::sys_seconds now) {
  return {now - kClockSlack, now + std::chrono::days(days)};
}

// `inside` is a folder in `result`, or result itself: "".
void WriteCredentials(ResultFolder& result, const std::string& inside,
                      const std::string& authority_pem, const Credentials& own) {
  result.Write(inside + "ca.pem", authority_pem);
  result.Write(inside + "certificate.pem", own.certificate_pem);
  result.Write(inside + "key.pem", own.key_pem);
}

// Its token.
std::string WriteDevice(ResultFolder& result, const std::string& inside, const std::string& name,
                        const Credentials& authority, const Validity& validity) {
  const std::string token = RandomHex(kTokenDigits / 2);
  WriteCredentials(result, inside, authority.certificate_pem,
                   Certify(authority, KeyOwner::kDevice, name, {}, validity));
  result.Write(inside + "token", token + "\n");
  return token;
}

// Held by one that adds a device, since all write the same table.
class AuthorityLock {
 public:
  explicit AuthorityLock(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) {
      throw InputError(fmt::format("cannot read '{}': {}; 'hat keys init' makes it", path,
                                   std::strerror(errno)));
    }
    while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~AuthorityLock() { ::close(fd_); }
  AuthorityLock(const AuthorityLock&) = delete;
  AuthorityLock& operator=(const AuthorityLock&) = delete;

 private:
  int fd_;
};

// Throws InputError unless the CA can certify for so many days.
Credentials ReadAuthority(const std::string& folder, int days, std::chrono::sys_seconds now) {
  const PemFile certificate{fs::path(folder) / kAuthorityCertificate,
                            ReadFile(fs::path(folder) / kAuthorityCertificate)};
  const std::string key_path = fs::path(folder) / kAuthorityKey;
  RefuseReaders(key_path);
  const auto until = FactsOf(certificate).validity.until;
  const auto left = std::chrono::floor<std::chrono::days>(until - now).count();
  if (left < days) {
    throw InputError(fmt::format(
        "--days {} is more than the CA of '{}' has left: it is valid until {}{}", days, folder,
        DateText(until), left < 1 ? "; make new keys with 'hat keys init'" : ""));
  }
  return {certificate.text, ReadFile(key_path)};
}

void RefuseOldKeys(const std::string& folder, const std::string& name, const TokenTable& tokens) {
  if (!fs::exists(fs::path(folder) / name) && !tokens.IndexOf(name)) return;
  throw InputError(fmt::format(
      "the device '{}' of '{}' has keys already; give another name, or --force for new ones: the "
      "old token is refused from then on",
      name, folder));
}

}  // namespace

std::vector<std::string> NumberedDevices(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(fmt::format("device-{}", i));
  return names;
}

void MakeKeys(const std::string& folder, const KeysPlan& plan, bool replace) {
  CheckPlan(plan);
  ResultFolder result = ResultFolder::Private(folder, replace, kAuthorityKey);
  // Two CAs of one name would be told apart by their keys alone.
  const Credentials authority =
      MakeAuthority("hat CA " + RandomHex(4), ValidFor(kMaxKeyDays, plan.now));
  const Validity validity = ValidFor(plan.days, plan.now);
  result.Write(kAuthorityCertificate, authority.certificate_pem);
  result.Write(kAuthorityKey, authority.key_pem);
  WriteCredentials(result, "cloud/", authority.certificate_pem,
                   Certify(authority, KeyOwner::kCloud, "cloud", plan.hosts, validity));
  TokenTable tokens;
  for (const std::string& name : plan.devices) {
    tokens.Set(name, WriteDevice(result, name + "/", name, authority, validity));
  }
  result.Write(kTokens, tokens.Csv());
  result.Commit();
}

void AddDeviceKeys(const std::string& folder, const std::string& name, int days, bool replace,
                   std::chrono::sys_seconds now) {
  const std::string problem = DeviceNameProblem(name);
  if (!problem.empty()) throw InputError("a device's name " + problem);
  RefuseTilde(folder);
  const AuthorityLock lock(fs::path(folder) / kAuthorityKey);
  const std::string table = fs::path(folder) / kTokens;
  TokenTable tokens = TokenTable::Load(table);
  if (!replace) RefuseOldKeys(folder, name, tokens);
  const Credentials authority = ReadAuthority(folder, days, now);
  ResultFolder result = ResultFolder::Private(fs::path(folder) / name, replace, "token");
  tokens.Set(name, WriteDevice(result, "", name, authority, ValidFor(days, now)));
  // First the table: were this to end in between, the device would have keys already, and --force
  // would make them.
  WriteFileAtomically(table, tokens.Csv(), Readers::kOwner);
  result.Commit();
}

}  // namespace hat
