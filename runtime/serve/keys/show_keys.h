// What a folder of keys holds, and whether each part of it may be used.
#pragma once

#include <string>
#include <vector>

#include "runtime/serve/keys/certificate.h"

namespace hat {

struct ShownKeys {
  std::string folder;  // its name in the folder that is shown; "." for that one itself
  std::string what;    // "CA", "3 devices" or "device"
  CertificateFacts facts;
  std::string problem;  // why it may not be used, "" if it may
};

// The CA, the cloud, then the devices, known ones in the order of their numbers; or the one folder,
// where it is that of a cloud or a device. Throws InputError if there is none, or a certificate
// cannot be read.
std::vector<ShownKeys> ShowKeys(const std::string& folder, std::chrono::sys_seconds now = Now());

}  // namespace hat
