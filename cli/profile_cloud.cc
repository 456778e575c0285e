// hat profile cloud: what this machine takes for a layer of a cloud's batches, measured.
#include "cli/measure_verbs.h"
#include "cli/profile_options.h"

namespace {

constexpr char kProfileCloudDescription[] =
    "Measures what this machine takes for a cloud's part of a model, a layer at a time: linear "
    "operations by a batch's tokens, attention by a sequence's new tokens and context. Writes a "
    "profile for hat simulate and hat compare.";
constexpr char kProfileCloudExamples[] =
    "Examples:\n"
    "  hat profile cloud --model models/small --out cloud.json\n"
    "  hat profile cloud --model vicuna-7b --device cuda:0 --dtype fp16 --out a6000.json";

}  // namespace

int hat::ProfileCloudVerb(CommandLine& line) {
  return hat::RunProfileProgram(line, Role::kCloud, kProfileCloudDescription,
                                kProfileCloudExamples);
}
