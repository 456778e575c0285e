// Which devices a cloud knows: the file tokens.csv, a row for each with its name and the SHA-256 of
// its token. Nobody learns a token from it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hat {

inline constexpr int kTokenDigits = 64;  // a token: 32 random bytes in hexadecimal digits

bool IsToken(std::string_view text);  // digits 0-9 and a-f

// What is wrong with a device's name, "" if nothing is. It is also its folder's and in its
// certificate.
std::string DeviceNameProblem(const std::string& name);

struct KnownDevice {
  std::string name;
  std::string token_sha256;  // of the token's digits, in hexadecimal digits
};

class TokenTable {
 public:
  TokenTable() = default;
  // Throws InputError: a name that is none or comes twice, a hash that is none or comes twice.
  static TokenTable Load(const std::string& path);
  static TokenTable Parse(std::string csv, const std::string& path);
  std::string Csv() const;

  // In the order of the file; a device's index is its number.
  const std::vector<KnownDevice>& devices() const { return devices_; }
  std::optional<int> IndexOf(std::string_view name) const;
  // Whose token a peer has presented; it may be any bytes. The time that this takes tells nothing
  // of the table: every row is compared, each in constant time.
  std::optional<int> Find(std::string_view token) const;

  // Replaces the row of that name, or adds one.
  void Set(const std::string& name, std::string_view token);

 private:
  std::vector<KnownDevice> devices_;
};

}  // namespace hat
