// A live cloud and devices in one process that serve the small model over real sockets.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/locked_observer.h"
#include "runtime/agent/cloud_program.h"
#include "runtime/agent/device_program.h"
#include "tests/core/temp_folder.h"

namespace hat {

class ServedRig {
 public:
  struct Options {
    int devices = 1;
    int max_sessions = 64;  // of a device
    std::function<void(const std::string& line)> log = {};
  };
  explicit ServedRig(Options options);
  ~ServedRig();

  CloudService& service() { return program_->service(); }
  std::string address() { return "127.0.0.1:" + std::to_string(service().port()); }
  DeviceKeys KeysOf(int device) const;

  // What a device says to the prompt's ids while `meanwhile` happens.
  std::vector<int32_t> Answer(
      int device, const std::vector<int32_t>& prompt, int output_tokens,
      const std::function<void()>& meanwhile = [] {});

  // Until it holds, a minute at most.
  static bool Eventually(const std::function<bool()>& holds);

  const ServedCloud served_cloud;
  const ServedDevice served_device;

 private:
  TempFolder folder_;
  std::unique_ptr<CloudKeys> keys_;
  ThreadWorld world_;
  Observer quiet_;
  LockedObserver nobody_{quiet_};
  ConstantPace pace_;
  std::unique_ptr<CloudProgram> program_;
};

}  // namespace hat
