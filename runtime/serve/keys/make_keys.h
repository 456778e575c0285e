// Makes the keys of a cloud and its devices, as a folder of folders:
//
//   ca/        certificate.pem, key.pem: certifies all others, and further devices later; stays
//   here cloud/     ca.pem, certificate.pem, key.pem, tokens.csv: for the cloud's machine device-0/
//   ca.pem, certificate.pem, key.pem, token: for that device; one each
//
// All folders are their owner's alone (mode 0700), all files too (0600).
#pragma once

#include <string>
#include <vector>

#include "runtime/serve/keys/certificate.h"

namespace hat {

inline constexpr int kDefaultKeyDays = 365;
inline constexpr int kMaxKeyDays = 3650;  // and that of the CA
inline constexpr int kMaxKeyDevices = 10000;
// Certificates are valid from so long before they are made on, since a device's clock may be late.
inline constexpr std::chrono::hours kClockSlack{1};

struct KeysPlan {
  std::vector<std::string> devices;  // names, in the order of their numbers
  // Names and addresses by which devices call the cloud; TLS refuses any other.
  std::vector<std::string> hosts = {"localhost", "127.0.0.1", "::1"};
  int days = kDefaultKeyDays;  // until the cloud's and the devices' certificates expire
  std::chrono::sys_seconds now = Now();
};

// "device-0" and so on.
std::vector<std::string> NumberedDevices(int count);

// The folder appears whole or not at all. Throws InputError if it exists, unless `replace` and it
// holds keys, and for names and hosts that are none; RunError for the disk's failures and
// OpenSSL's.
void MakeKeys(const std::string& folder, const KeysPlan& plan, bool replace = false);

// Makes the keys of a further device, and its row in cloud/tokens.csv, which the cloud's machine
// then needs too. Throws InputError if the device has keys already, unless `replace`: its old token
// is then refused from now on. Several may run at once.
void AddDeviceKeys(const std::string& folder, const std::string& name, int days = kDefaultKeyDays,
                   bool replace = false, std::chrono::sys_seconds now = Now());

}  // namespace hat
