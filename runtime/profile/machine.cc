#include "runtime/profile/machine.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "core/machine.h"

namespace hat {
namespace {

constexpr double kGpuCacheMib = 64;
constexpr double kMib = 1048576;

// The first line of a file, or nothing; a device tree's ends with a zero byte.
std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  while (!line.empty() && (line.back() == '\0' || line.back() == ' ')) line.pop_back();
  return line;
}

// What a command prints, or nothing.
std::string OutputOf(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen((command + " 2>/dev/null").c_str(), "r"),
                                                   ::pclose);
  std::string text;
  char buffer[256];
  while (pipe && std::fgets(buffer, sizeof(buffer), pipe.get()) != nullptr) text += buffer;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

bool IsGpu(const std::string& device) { return device != "cpu"; }

// What nvidia-smi calls a GPU of CUDA's. It numbers them by bus, CUDA by speed and as
// CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER say; to both the bus id means the same. CUDA's runtime
// is here only if libtorch has brought it.
std::string SmiName(const std::string& device) {
  const std::string index = device.starts_with("cuda:") ? device.substr(5) : "0";
  using GetBusId = int (*)(char* id, int size, int index);  // 0: done
  const auto get = reinterpret_cast<GetBusId>(::dlsym(RTLD_DEFAULT, "cudaDeviceGetPCIBusId"));
  char id[32] = {};  // "0000:3B:00.0"
  if (get == nullptr || get(id, sizeof(id), std::stoi(index)) != 0) return index;
  return id;
}

std::string AskGpu(const std::string& device, const std::string& what) {
  return OutputOf("nvidia-smi -i " + SmiName(device) + " --query-gpu=" + what +
                  " --format=csv,noheader,nounits");
}

std::string PowerMode() {
  // "NV Power Mode: MAXN" and a line with its number.
  const std::string text = OutputOf("nvpmodel -q");
  const std::string key = "NV Power Mode: ";
  const size_t begin = text.find(key);
  if (begin == std::string::npos) return "";
  return text.substr(begin + key.size(), text.find('\n', begin) - begin - key.size());
}

std::string HardwareName(const std::string& device) {
  const std::string module = FirstLine("/proc/device-tree/model");  // a Jetson, a board
  if (!module.empty()) return module;
  if (IsGpu(device)) {
    const std::string name = AskGpu(device, "name");
    if (!name.empty()) return name;
  }
  const std::vector<std::string> names = KernelValues("/proc/cpuinfo", "model name");
  return names.empty() ? "unknown" : names[0];
}

Bytes LargestCache() {
  double kib = 0;
  std::error_code error;
  const std::string folder = "/sys/devices/system/cpu/cpu0/cache";
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string size = FirstLine(entry.path() / "size");  // "32768K"
    if (size.empty() || size.find_first_of("0123456789") != 0) continue;
    kib = std::max(kib, std::stod(size) * (size.back() == 'M' ? 1024 : 1));
  }
  return Bytes(kib > 0 ? kib * 1024 : 32 * kMib);
}

}  // namespace

Machine ReadMachine(const std::string& device) {
  Machine machine;
  machine.hardware = HardwareName(device);
  machine.power_mode = PowerMode();
  utsname kernel = {};
  ::uname(&kernel);
  machine.driver = std::string("Linux ") + kernel.release;
  machine.memory = TotalMemory();
  machine.last_level_cache = LargestCache();
  if (!IsGpu(device)) return machine;
  machine.last_level_cache = Bytes(kGpuCacheMib * kMib);
  const std::string driver = AskGpu(device, "driver_version");
  if (!driver.empty()) machine.driver = "NVIDIA " + driver;
  // A Jetson's GPU has the main memory.
  const std::string mib = AskGpu(device, "memory.total");
  if (mib.find_first_of("0123456789") == 0) machine.memory = Bytes(std::stod(mib) * kMib);
  return machine;
}

std::string ClockNow(const std::string& device) {
  std::vector<double> mhz;
  if (IsGpu(device)) {
    std::string clock = AskGpu(device, "clocks.sm");
    if (clock.find_first_of("0123456789") != 0) {  // a Jetson: the GPU's devfreq node, in Hz
      clock = OutputOf("cat /sys/class/devfreq/*gpu*/cur_freq /sys/class/devfreq/*gv11b*/cur_freq");
      if (clock.find_first_of("0123456789") != 0) return "unknown";
      return fmt::format("{:.0f} MHz", std::stod(clock) / 1e6);
    }
    return fmt::format("{:.0f} MHz", std::stod(clock));
  }
  for (int core = 0;; ++core) {
    const std::string khz =
        FirstLine(fmt::format("/sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq", core));
    if (khz.empty()) break;
    mhz.push_back(std::stod(khz) / 1000);
  }
  if (mhz.empty()) {
    for (const std::string& value : KernelValues("/proc/cpuinfo", "cpu MHz")) {
      mhz.push_back(std::stod(value));
    }
  }
  if (mhz.empty()) return "unknown";
  std::sort(mhz.begin(), mhz.end());
  return fmt::format("{:.0f} MHz", mhz[mhz.size() / 2]);
}

std::string TodayUtc() {
  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  ::gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
}

}  // namespace hat
