// hat link import: a rate trace from a measurement of a link.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "cli/import_report.h"
#include "cli/plain_verbs.h"
#include "core/files.h"
#include "experiments/import/link_formats.h"
#include "experiments/scenario/rate_trace.h"

namespace {

constexpr char kLinkImportExamples[] =
    "Examples:\n"
    "  hat link import hsdpa report.2010-09-30_1058CEST.log --out bus.csv\n"
    "  hat link import fcc curr_webget.csv --unit 386 --target http://www.amazon.com --out "
    "dsl.csv\n"
    "mahimahi's traces are read as they are.";

}  // namespace

int hat::LinkImportVerb(CommandLine& line) {
  std::string format, input, output;
  LinkImportOptions options;
  bool replace = false;
  line.description("Makes a rate trace from a measurement of a link (docs/formats.md)");
  line.footer(kLinkImportExamples);
  line.add_option("format", format, fmt::format("{}, or auto: by the content", LinkFormatNames()))
      ->required();
  line.add_option("file", input, "The measurement")->required();
  line.add_option("--out", output, "The rate trace to write")->required();
  line.add_option("--unit", options.unit, "fcc: of which unit_id");
  line.add_option("--target", options.target, "fcc: of which target");
  line.add_option(
          "--hold-s", options.hold_s,
          fmt::format("fcc: how long a measurement's rate holds (default: {:g})", kDefaultHoldS))
      ->check(CLI::Range(1e-3, 1e6));
  line.add_flag("--force", replace, "Replace an existing file of other content");
  line.Parse();
  const std::string text = ReadFile(input);
  const LinkTrace trace = ReadLinkTrace(format, text, input, options);
  const std::string csv = RateTraceCsv(trace);
  const RateTrace rates = RateTrace::Parse(csv, input);  // as a scenario will read it
  ImportedFile file{input, trace.format, Sha256Hex(text), nlohmann::ordered_json::object(),
                    trace.tally};
  if (!options.unit.empty()) file.options["unit"] = options.unit;
  if (!options.target.empty()) file.options["target"] = options.target;
  if (trace.format == "fcc") file.options["hold_s"] = options.hold_s.value_or(kDefaultHoldS);
  file.tally.notes.push_back(fmt::format(
      "{:g} s, then it repeats; mean {:.4g} Mb/s, at most {:.4g}", rates.period().value(),
      rates.Mean().value() / 125e3, rates.Peak().value() / 125e3));
  WriteImport(file, output, csv, replace);
  std::fputs(fmt::format("in a scenario beside it:\n[link.up]\nkind = \"trace\"\ntrace = \"{}\"\n",
                         std::filesystem::path(output).filename().string())
                 .c_str(),
             stderr);
  return 0;
}
