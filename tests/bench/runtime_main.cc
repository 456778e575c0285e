// hat bench runtime: how fast the models run on this machine, beside its floors.
#include "core/program.h"
#include "tests/bench/runtime_bench.h"

int main(int argc, char** argv) {
  return hat::RunMain(argc, argv, [](hat::CommandLine& line) {
    hat::RuntimeBench bench;
    line.description(
        "Times decoding and prefill of a model of random weights beside the machine's floors: the "
        "weights' bytes over its read bandwidth, operations over its rate of large products.");
    const auto number = [&](const char* name, int& value, int least, const char* text) {
      line.add_option(name, value, text)->capture_default_str()->check(CLI::Range(least, 4096));
    };
    line.add_option("--shape", bench.shape, "a named shape")->capture_default_str();
    number("--layers", bench.layers, 1, "layers of it");
    number("--threads", bench.threads, 0, "CPU threads; 0: all cores");
    number("--prompt-tokens", bench.prompt_tokens, 1, "tokens of the prefill");
    number("--decode-tokens", bench.decode_tokens, 5, "tokens decoded");
    line.Parse();
    hat::RunRuntimeBench(bench);
    return 0;
  });
}
