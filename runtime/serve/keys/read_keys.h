// Reads the folder of a cloud or of a device that make_keys.h made, for TLS: PEM texts as gRPC
// takes them, and who the devices are. All is checked while it is read, so that a mistake is one
// line at the start of a program and not a handshake that fails.
#pragma once

#include <string>

#include "runtime/serve/keys/certificate.h"
#include "runtime/serve/keys/token_table.h"

namespace hat {

struct CloudKeys {
  std::string ca_pem;  // that has certified every device
  std::string certificate_pem;
  std::string key_pem;
  TokenTable tokens;
  std::chrono::sys_seconds valid_until;  // until the sooner of the certificate's end and the CA's
};

// A device is who its certificate says, and its token says the same: a cloud that finds the token
// compares the certificate's common name with the token's device.
struct DeviceKeys {
  std::string name;    // the common name of its certificate
  std::string ca_pem;  // that has certified the cloud
  std::string certificate_pem;
  std::string key_pem;
  std::string token;
  std::chrono::sys_seconds valid_until;
};

// Both throw InputError: a file that is missing; a key or token that others may read, or a file
// that others may write, with the chmod to run; a certificate that has expired, is not valid yet,
// is of another CA or for the other role; a key of another certificate; a token or a table that is
// none.
CloudKeys ReadCloudKeys(const std::string& folder, std::chrono::sys_seconds now = Now());
DeviceKeys ReadDeviceKeys(const std::string& folder, std::chrono::sys_seconds now = Now());

// Throws InputError, with the chmod to run, if anybody but its owner may read or write the file.
void RefuseReaders(const std::string& path);

}  // namespace hat
