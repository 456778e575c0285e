#include "experiments/calibrate/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/config.h"
#include "core/files.h"
#include "experiments/results/json_number.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kCommentWidth = 100;
constexpr double kPinned = 0.5;  // gain above which the figures pin a parameter down

std::string Shown(double value) { return fmt::format("{:.4g}", value); }

std::string ErrorOf(const Target& target, const std::optional<double>& ours) {
  return ours ? fmt::format("{:+.1f}%", 100 * (*ours / target.published - 1)) : "-";
}

std::string Percent(double share) {
  return std::isnan(share) ? "not measured" : fmt::format("{:.1f}%", 100 * share);
}

std::string ErrorsLine(const CalibrationSpec& spec, const Evaluation& evaluation) {
  const FitErrors errors = ErrorsOf(spec, evaluation.ours);
  return fmt::format("mean absolute error {}, largest {}", Percent(errors.mean),
                     Percent(errors.largest));
}

std::string FitTable(const CalibrationSpec& spec, const Calibration& calibration) {
  std::string text =
      "| published figure | published | before | fitted | error | predicted without it | "
      "without its group |\n|---|--:|--:|--:|--:|--:|--:|\n";
  std::vector<std::string> alone(spec.targets.size(), "-"), grouped = alone;
  const auto fill = [&](const std::vector<LeftOut>& left_out, std::vector<std::string>& cells) {
    for (const LeftOut& one : left_out) {
      for (size_t i = 0; i < one.targets.size(); ++i) {
        cells[one.targets[i]] = ErrorOf(spec.targets[one.targets[i]], one.predicted[i]);
      }
    }
  };
  fill(calibration.each_left_out, alone);
  fill(calibration.groups_left_out, grouped);
  for (size_t i = 0; i < spec.targets.size(); ++i) {
    const Target& target = spec.targets[i];
    const std::optional<double>& ours = calibration.fitted.ours[i];
    fmt::format_to(std::back_inserter(text), "| {}{} | {:g} | {} | {} | {} | {} | {} |\n",
                   target.Name(), target.weight == 0 ? " (not fitted)" : "", target.published,
                   ErrorOf(target, calibration.before.ours[i]), ours ? Shown(*ours) : "-",
                   ErrorOf(target, ours), alone[i], grouped[i]);
  }
  return text;
}

std::string ParameterTable(const CalibrationSpec& spec, const Calibration& calibration) {
  std::string text =
      "| parameter | assumed before | fitted | 95% interval | allowed | gain | |\n"
      "|---|--:|--:|--:|--:|--:|---|\n";
  for (size_t j = 0; j < spec.parameters.size(); ++j) {
    const Parameter& p = spec.parameters[j];
    const ParameterProfile& profile = calibration.profiles[j];
    fmt::format_to(std::back_inserter(text),
                   "| {} | {} | {} | {} to {} | {} to {} | {:.2f} | {} |\n", p.name, Shown(p.prior),
                   Shown(calibration.fitted.x[j]), Shown(profile.low), Shown(profile.high),
                   Shown(p.low), Shown(p.high), profile.gain,
                   profile.gain > kPinned ? "pinned down" : "hardly known");
  }
  return text;
}

std::string CorrelationTable(const CalibrationSpec& spec, const Calibration& calibration) {
  std::vector<std::string> names;
  for (const Parameter& p : spec.parameters) names.push_back(p.name);
  std::string text = fmt::format("| | {} |\n|---|", fmt::join(names, " | "));
  for (size_t j = 0; j < names.size(); ++j) text += "--:|";
  text += '\n';
  for (size_t j = 0; j < names.size(); ++j) {
    const std::vector<double>& row = calibration.linearised.correlations[j];
    fmt::format_to(std::back_inserter(text), "| {} | {:.2f} |\n", names[j], fmt::join(row, " | "));
  }
  return text;
}

std::string AlternativeTable(const CalibrationSpec& spec, const Calibration& calibration) {
  std::string text =
      "| in place of what is assumed | misfit | mean error | largest | parameters, fitted again "
      "|\n|---|--:|--:|--:|---|\n";
  const auto add = [&](const std::string& name, const Evaluation& evaluation) {
    std::vector<std::string> values;
    for (size_t j = 0; j < spec.parameters.size(); ++j) {
      values.push_back(fmt::format("{} {}", spec.parameters[j].name, Shown(evaluation.x[j])));
    }
    const FitErrors errors = ErrorsOf(spec, evaluation.ours);
    fmt::format_to(std::back_inserter(text), "| {} | {:.1f} | {} | {} | {} |\n", name,
                   evaluation.misfit, Percent(errors.mean), Percent(errors.largest),
                   fmt::join(values, ", "));
  };
  add("(the fit)", calibration.fitted);
  for (size_t i = 0; i < spec.alternatives.size(); ++i) {
    add(spec.alternatives[i].name, calibration.tried[i]);
  }
  return text;
}

Json Numbers(const std::vector<std::optional<double>>& values) {
  Json json = Json::array();
  for (const std::optional<double>& value : values) json.push_back(value ? Json(*value) : Json());
  return json;
}

// `errors`: ours / published - 1.
Json JsonOf(const CalibrationSpec& spec, const Evaluation& evaluation) {
  std::vector<std::optional<double>> errors = evaluation.ours;
  for (size_t i = 0; i < errors.size(); ++i) {
    if (errors[i]) errors[i] = *errors[i] / spec.targets[i].published - 1;
  }
  return {{"misfit", JsonNumber(evaluation.misfit)},
          {"parameters", evaluation.x},
          {"figures", Numbers(evaluation.ours)},
          {"errors", Numbers(errors)}};
}

Json JsonOf(const std::vector<LeftOut>& left_out) {
  Json json = Json::array();
  for (const LeftOut& one : left_out) {
    json.push_back({{"figures", one.targets}, {"predicted", one.predicted}});
  }
  return json;
}

// `profile`: value, and misfit above the profile's least.
Json JsonOf(const Parameter& p, const ParameterProfile& profile, double deviation) {
  Json points = Json::array();
  const double least = std::ranges::min_element(profile.points, {}, &ProfilePoint::misfit)->misfit;
  for (const ProfilePoint& point : profile.points) {
    points.push_back({point.x, point.misfit - least});
  }
  return {{"name", p.name},         {"low", p.low},
          {"high", p.high},         {"scale", p.is_log ? "log" : "linear"},
          {"prior", p.prior},       {"spread", p.spread},
          {"deviation", deviation}, {"interval", {profile.low, profile.high}},
          {"gain", profile.gain},   {"profile", points}};
}

}  // namespace

std::string CalibrationMarkdown(const CalibrationSpec& spec, const Calibration& calibration) {
  return fmt::format(
             "# {0}\n\nOurs: {1}, {2} {3} a figure; {4} sets of parameters tried.\n\n"
             "Before, every parameter as first assumed: {5}. Fitted: {6}.\n\n## Published "
             "figures\n\n{7}\n"
             "## Parameters\n\n{8}\ngain = 1 - width of the 95% interval / the width by what was "
             "assumed before; the interval is that of the profile: the other parameters are "
             "fitted again.\n\n"
             "## Correlations\n\n{9}\n",
             spec.name, calibration.label, spec.seeds, spec.seeds == 1 ? "run" : "runs",
             calibration.evaluations, ErrorsLine(spec, calibration.before),
             ErrorsLine(spec, calibration.fitted), FitTable(spec, calibration),
             ParameterTable(spec, calibration), CorrelationTable(spec, calibration)) +
         (spec.alternatives.empty()
              ? ""
              : "## Other assumptions\n\n" + AlternativeTable(spec, calibration));
}

std::string CalibrationJson(const CalibrationSpec& spec, const Calibration& calibration) {
  const std::string commit = BuildCommit();
  Json json = {{"schema_version", kCalibrationSchema},
               {"label", calibration.label},
               {"commit", commit.substr(0, commit.find("-dirty"))},
               {"dirty", commit.ends_with("-dirty")},
               {"inputs", calibration.inputs},
               {"name", spec.name},
               {"sigma", spec.sigma},
               {"seeds", spec.seeds},
               {"evaluations", calibration.evaluations},
               {"figures", Json::array()},
               {"before", JsonOf(spec, calibration.before)},
               {"fitted", JsonOf(spec, calibration.fitted)},
               {"parameters", Json::array()},
               {"correlations", calibration.linearised.correlations},
               {"each_left_out", JsonOf(calibration.each_left_out)},
               {"groups_left_out", JsonOf(calibration.groups_left_out)},
               {"alternatives", Json::array()}};
  for (const Target& target : spec.targets) {
    json["figures"].push_back({{"name", target.Name()},
                               {"group", target.group},
                               {"published", target.published},
                               {"source", target.source},
                               {"weight", target.weight}});
  }
  for (size_t j = 0; j < spec.parameters.size(); ++j) {
    json["parameters"].push_back(
        JsonOf(spec.parameters[j], calibration.profiles[j], calibration.linearised.deviations[j]));
  }
  for (size_t i = 0; i < spec.alternatives.size(); ++i) {
    Json tried = JsonOf(spec, calibration.tried[i]);
    tried["name"] = spec.alternatives[i].name;
    json["alternatives"].push_back(std::move(tried));
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string CalibratedKeys(const CalibrationSpec& spec, const Calibration& calibration) {
  std::string text = fmt::format(
      "# Written by 'hat calibrate' from {}.toml; to be taken over with --set @FILE.\n"
      "# Fitted to published figures, with {}.\n",
      spec.name, ErrorsLine(spec, calibration.fitted));
  const auto comment = [&](const std::string& words) {
    std::istringstream in(words);
    std::string line = "#";
    for (std::string word; in >> word;) {
      if (line.size() + 1 + word.size() > kCommentWidth) {
        text += line + "\n";
        line = "#";
      }
      line += " " + word;
    }
    text += line + "\n";
  };
  for (const Assumption& assumption : spec.assumptions) {
    text += "\n";
    comment(fmt::format("Assumed: {}. {}", assumption.name, assumption.reason));
    for (const std::string& key : assumption.set) {
      const size_t equals = key.find('=');
      fmt::format_to(std::back_inserter(text), "{} = {}\n", key.substr(0, equals),
                     TomlValue(key.substr(equals + 1)));
    }
  }
  for (size_t j = 0; j < spec.parameters.size(); ++j) {
    const Parameter& p = spec.parameters[j];
    const ParameterProfile& profile = calibration.profiles[j];
    text += "\n";
    comment(fmt::format("Fitted: {} = {}, 95% interval {} to {} ({}). {}", p.name,
                        Shown(calibration.fitted.x[j]), Shown(profile.low), Shown(profile.high),
                        profile.gain > kPinned ? "pinned down" : "hardly known", p.reason));
    for (const ParameterKey& key : p.keys) {
      fmt::format_to(std::back_inserter(text), "{} = {}\n", key.key,
                     TomlValue(key.ValueAt(calibration.fitted.x[j])));
    }
  }
  return text;
}

}  // namespace hat
