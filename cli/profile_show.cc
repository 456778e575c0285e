// hat profile show: a profile as a table and as a figure.
#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "cli/plain_verbs.h"
#include "cli/run_plot.h"
#include "cli/shipped.h"
#include "core/error.h"
#include "core/files.h"
#include "core/program.h"
#include "profiles/profile_report.h"

namespace {

constexpr char kProfileShowDescription[] =
    "Prints a latency profile as a table: each operation's latency by new tokens and context, and "
    "what follows for the whole "
    "model. With --out it also draws it: latency against tokens, a line a context.";
constexpr char kProfileShowExamples[] =
    "Examples:\n"
    "  hat profile show profiles/data/agx-orin-maxn_vicuna-7b_device.json\n"
    "  hat profile show profiles/data/a6000_vicuna-7b_cloud.json --out a6000.png";

// An image is drawn anew unasked if it is of the same numbers.
void RefuseToReplace(const std::string& image, const std::string& csv, const std::string& numbers) {
  hat::RefuseToReplace(csv, numbers);
  std::error_code error;
  if (!std::filesystem::exists(image, error) || std::filesystem::exists(csv, error)) return;
  throw hat::InputError(
      fmt::format("'{}' exists; give another name, or --force to replace it", image));
}

// The image, and its numbers beside it; the CSV's name.
std::string Draw(const hat::ProfileData& data, const std::string& image, bool replace) {
  const std::string ending = std::filesystem::path(image).extension();
  if (ending != ".png" && ending != ".pdf" && ending != ".svg") {
    throw hat::InputError(fmt::format("--out must end in .png, .pdf or .svg, got '{}'", image));
  }
  const std::string numbers = hat::ProfileFigureCsv(data);
  const std::string csv = std::filesystem::path(image).replace_extension(".csv");
  if (!replace) RefuseToReplace(image, csv, numbers);
  hat::AtomicFile file(csv);
  file.Write(numbers);
  hat::RunPlot("profile.py", file.staging(), image,
               {"--title", hat::ProfileTitle(data.info), "--caption", data.info.source});
  file.Commit();
  return csv;
}

}  // namespace

int hat::ProfileShowVerb(CommandLine& line) {
  std::string path;
  std::string image;
  bool replace = false;
  line.description(kProfileShowDescription);
  line.footer(kProfileShowExamples);
  line.add_option("FILE", path, "The profile, a hat-profile/1 JSON file")
      ->required()
      ->transform(hat::ShippedPath);
  line.add_option("--out", image,
                  "Image to draw, .png, .pdf or .svg; its numbers go beside it, as .csv");
  line.add_flag("--force", replace, "Replace an existing image or CSV file");
  line.Parse();
  const hat::ProfileData data = hat::ReadProfile(path);
  const std::string report = hat::ProfileReport(data);
  std::string csv;
  if (!image.empty()) csv = Draw(data, image, replace);
  hat::PrintResult(report);
  if (!image.empty()) hat::SayWritten(csv), hat::SayWritten(image);
  return 0;
}
