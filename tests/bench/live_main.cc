// hat bench live: what the live world costs beside bare gRPC streams.
#include "core/program.h"
#include "tests/bench/live_bench.h"

int main(int argc, char** argv) {
  return hat::RunMain(argc, argv, [](hat::CommandLine& line) {
    hat::LiveBench bench;
    line.description(
        "Times a live cloud and devices that compute nothing, a process each side, beside bare "
        "gRPC streams with messages of the same size: rounds a second, processor time of a round, "
        "memory of an idle device.");
    const auto number = [&](const char* name, int& value, const char* text) {
      line.add_option(name, value, text)->capture_default_str()->check(CLI::Range(1, 10'000));
    };
    number("--devices", bench.devices, "that are at it all the time");
    number("--idle-devices", bench.idle_devices, "of the cloud's memory");
    number("--turns", bench.turns, "of each, one after the other; medians are told");
    line.add_option("--seconds", bench.seconds, "of each turn")
        ->capture_default_str()
        ->check(CLI::Range(0.1, 600.0));
    line.Parse();
    hat::RunLiveBench(bench);
    return 0;
  });
}
