// hat profile device: what this machine takes for a device's operations, measured.
#include "cli/measure_verbs.h"
#include "cli/profile_options.h"

namespace {

constexpr char kProfileDeviceDescription[] =
    "Measures what this machine takes for a device's part of a model: first layers, adapter, "
    "output head, Medusa heads, draft steps. Writes a profile for hat simulate and hat compare.";
constexpr char kProfileDeviceExamples[] =
    "Examples:\n"
    "  hat profile device --model models/small --out device.json\n"
    "  hat profile device --model vicuna-7b --device cuda:0 --dtype fp16 --out orin.json";

}  // namespace

int hat::ProfileDeviceVerb(CommandLine& line) {
  return hat::RunProfileProgram(line, Role::kDevice, kProfileDeviceDescription,
                                kProfileDeviceExamples);
}
