// hat report: one page about a folder of results.
#include "experiments/report/report.h"
#include "cli/plain_verbs.h"
#include "core/files.h"

namespace hat {

int ReportVerb(CommandLine& line) {
  std::string folder, out;
  line.description(
      "Makes one page about a folder of results, a run's, a comparison's, a sweep's or that of "
      "figures: pictures, tables that sort, the scenario, where the numbers come from. It opens "
      "in a browser from disk and needs no network.\n\n  hat report results/figures");
  line.add_option("folder", folder, "that holds the results")->required();
  line.add_option("--out", out, "the page; without it report.html in the folder");
  line.Parse();
  const std::string page = out.empty() ? folder + "/" + kReportFile : out;
  WriteFileAtomically(page, ReportHtml(folder));
  SayWritten(page);
  return 0;
}

}  // namespace hat
