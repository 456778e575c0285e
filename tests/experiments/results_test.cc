#include "experiments/results/results.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/csv.h"
#include "experiments/watch/recorder.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/event_log.h"

namespace hat {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

RecorderOptions Options() {
  RecorderOptions options;
  options.classes = {"xavier", "orin"};
  options.class_of_device = {0, 1};
  options.stages = 2;
  options.keep_gaps = true;
  return options;
}

RunInfo Info() {
  RunInfo info;
  info.engine = "SimGrid 3.32";
  info.scenario = "tiny";
  info.system = "hat";
  info.seed = 18446744073709551615u;
  info.config = "seed = 1\n";
  ProfileInfo profile;
  profile.id = "orin_vicuna-7b_device";
  profile.path = "/somewhere/orin.json";
  profile.sha256 = "ab12";
  profile.provenance = Provenance::kPublished;
  info.profiles = {profile};
  info.inputs = {{"prompts", "prompts.csv", "cd34"}};
  return info;
}

Json Summary(const EventLog& log) {
  Recorder recorder(Options());
  Play(log, recorder);
  return Json::parse(SummaryJson(recorder, Info()));
}

TEST(ResultsTest, SummaryHasEveryFigure) {
  const Json summary = Summary(LifeOfOneRequest());
  EXPECT_EQ(summary["schema_version"], kResultsSchema);
  EXPECT_EQ(summary["label"], "simulated");
  EXPECT_EQ(summary["system"], "hat");
  EXPECT_EQ(summary["seed"], 18446744073709551615u);
  for (const char* metric :
       {"ttft_ms", "tbt_ms", "e2e_ms", "tpot_ms", "ntpot_ms", "itl_ms", "round_gap_ms"}) {
    for (const char* value :
         {"mean", "p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9"}) {
      EXPECT_TRUE(summary[metric][value].is_number()) << metric << " " << value;
    }
  }
  EXPECT_EQ(summary["ttft_ms"]["mean"], 44);
  EXPECT_EQ(summary["tbt_ms"]["mean"], 9.5);
  EXPECT_EQ(summary["e2e_ms"]["p99"], 63);
  EXPECT_EQ(summary["accept_length"], 2);
  EXPECT_EQ(summary["rounds"], 1);
  EXPECT_NEAR(summary["tokens_per_s"].get<double>(), 3 / 0.0655, 1e-9);
  EXPECT_EQ(summary["requests"],
            Json::parse(R"({"arrived": 1, "completed": 1, "failed": 0, "in_flight": 0,
                            "measured": 1})"));
  EXPECT_EQ(summary["saturated"], false);
  EXPECT_NEAR(summary["batch_tokens"]["mean"].get<double>(), 5 / 3.0, 1e-9);
  EXPECT_TRUE(summary["stage_ms"]["std"].is_number());
  EXPECT_NEAR(summary["utilisation"]["device"]["xavier"].get<double>(), 26 / 65.5, 1e-9);
  EXPECT_EQ(summary["utilisation"]["device"]["orin"], 0);
  EXPECT_EQ(summary["utilisation"]["stage"].size(), 2u);
  EXPECT_NEAR(summary["utilisation"]["link"]["down"].get<double>(), 1 / 65.5, 1e-9);
}

TEST(ResultsTest, TpotIsTbtInEveryFile) {
  Recorder recorder(Options());
  Play(LifeOfOneRequest(), recorder);
  const Json summary = Json::parse(SummaryJson(recorder, Info()));
  EXPECT_EQ(summary["tpot_ms"], summary["tbt_ms"]);
  const CsvFile csv = CsvFile::Parse(RequestsCsv(recorder), "requests.csv");
  EXPECT_EQ(csv.Text(0, csv.ColumnIndex("tpot_ms")), "9.5");
  EXPECT_EQ(csv.Text(0, csv.ColumnIndex("tbt_ms")), "9.5");
  EXPECT_EQ(csv.Text(0, csv.ColumnIndex("ntpot_ms")), "21");
}

// 65.5 ms of 1/1024 s each; the Xavier's input runs for 18 ms, the Orin does nothing.
TEST(ResultsTest, UtilisationHasARowAPartOfTheRun) {
  Recorder recorder(Options());
  Play(LifeOfOneRequest(), recorder);
  const CsvFile csv = CsvFile::Parse(UtilisationCsv(recorder), "utilisation.csv");
  EXPECT_THAT(csv.columns(), ElementsAre("from_s", "to_s", "device.xavier", "device.orin",
                                         "link.up", "link.down", "stage.0", "stage.1"));
  ASSERT_EQ(csv.rows(), 68);
  EXPECT_EQ(csv.Text(0, 0), "0");
  EXPECT_EQ(csv.Text(1, 0), "0.0009765625");
  EXPECT_EQ(csv.Text(67, 1), "0.0655");
  EXPECT_EQ(csv.Text(3, csv.ColumnIndex("device.xavier")), "1");
  EXPECT_EQ(csv.Text(3, csv.ColumnIndex("device.orin")), "0");
  EXPECT_EQ(csv.Text(30, csv.ColumnIndex("device.xavier")), "0");
  EXPECT_EQ(csv.Text(20, csv.ColumnIndex("stage.0")), "1");
  EXPECT_EQ(csv.Text(19, csv.ColumnIndex("link.up")), "0.5");  // of two devices
}

// What reads these files by position goes on reading them.
TEST(ResultsTest, NewColumnsAndKeysAreLast) {
  Recorder recorder(Options());
  Play(LifeOfOneRequest(), recorder);
  EXPECT_THAT(RequestsCsv(recorder),
              StartsWith("request,device,prompt_row,prompt_tokens,output_tokens,arrival_s,ttft_ms,"
                         "queue_ms,device_compute_ms,uplink_wait_ms,upload_ms,cloud_wait_ms,"
                         "cloud_compute_ms,download_ms,head_ms,tbt_ms,e2e_ms,tokens,rounds,drafted,"
                         "accepted,ahead_steps,wasted_steps,bytes_up,bytes_down,outcome,measured,"
                         "tpot_ms,ntpot_ms\n"));
  const auto summary = nlohmann::ordered_json::parse(SummaryJson(recorder, Info()));
  std::vector<std::string> keys;
  for (const auto& [key, value] : summary.items()) keys.push_back(key);
  EXPECT_THAT(keys,
              ElementsAre("schema_version", "label", "scenario", "system", "seed", "partial",
                          "requests", "saturated", "ttft_ms", "ttft_parts_ms", "tbt_ms", "e2e_ms",
                          "accept_length", "rounds", "drafted", "accepted", "ahead_steps",
                          "wasted_steps", "window_s", "tokens_per_s", "batch_tokens", "stage_ms",
                          "utilisation", "tpot_ms", "ntpot_ms", "itl_ms", "round_gap_ms",
                          "accepted_per_round", "drafted_by_position", "acceptance_by_position",
                          "verified_per_token", "bytes_per_token", "tbt_parts_ms"));
}

TEST(ResultsTest, RoundsOfTheLifeInNumbers) {
  const Json summary = Summary(LifeOfOneRequest());
  EXPECT_EQ(summary["accepted_per_round"], Json::parse("[0, 1]"));
  EXPECT_EQ(summary["drafted_by_position"], Json::parse("[1]"));
  EXPECT_EQ(summary["acceptance_by_position"], Json::parse("[1.0]"));
  EXPECT_EQ(summary["verified_per_token"], 1);
  EXPECT_EQ(summary["bytes_per_token"]["decode_up"], 40);
}

TEST(ResultsTest, MeanPartsSumToTheMeanTtft) {
  const Json summary = Summary(LifeOfOneRequest());
  ASSERT_EQ(summary["ttft_parts_ms"].size(), 8u);
  double sum = 0;
  for (const auto& part : summary["ttft_parts_ms"]) sum += part.get<double>();
  EXPECT_NEAR(sum, summary["ttft_ms"]["mean"].get<double>(), 1e-6);
}

// Its one round: draft 4, upload 4, cloud 7, download 3, head 1 of 19 ms, for two tokens.
TEST(ResultsTest, MeanTbtPartsAreThoseOfATokenAndSumToTheMeanTbt) {
  const Json summary = Summary(LifeOfOneRequest());
  const Json& parts = summary["tbt_parts_ms"];
  ASSERT_EQ(parts.size(), 10u);
  EXPECT_EQ(parts["draft"], 2);
  EXPECT_EQ(parts["upload"], 2);
  EXPECT_EQ(parts["cloud_compute"], 3.5);
  EXPECT_EQ(parts["download"], 1.5);
  EXPECT_EQ(parts["head"], 0.5);
  double sum = 0;
  for (const auto& part : parts) sum += part.get<double>();
  EXPECT_NEAR(sum, summary["tbt_ms"]["mean"].get<double>(), 1e-6);
}

TEST(ResultsTest, WhatWasNotMeasuredIsNull) {
  const Json summary = Summary({});
  EXPECT_TRUE(summary["ttft_ms"]["mean"].is_null());
  EXPECT_TRUE(summary["ttft_parts_ms"]["queue"].is_null());
  EXPECT_TRUE(summary["tbt_parts_ms"]["queue"].is_null());
  EXPECT_TRUE(summary["accept_length"].is_null());
  EXPECT_TRUE(summary["tokens_per_s"].is_null());
  EXPECT_TRUE(summary["stage_ms"]["mean"].is_null());
  EXPECT_TRUE(summary["itl_ms"]["p99.9"].is_null());
  EXPECT_TRUE(summary["verified_per_token"].is_null());
  EXPECT_TRUE(summary["bytes_per_token"]["up"].is_null());
  EXPECT_EQ(summary["accepted_per_round"], Json::array());
  EXPECT_EQ(summary["requests"]["arrived"], 0);
}

TEST(ResultsTest, RequestsInFlightAreCountedAndNotMeasured) {
  const Json summary = Summary(Without<EndTold>(LifeOfOneRequest(), 0));
  EXPECT_EQ(summary["requests"]["in_flight"], 1);
  EXPECT_EQ(summary["requests"]["measured"], 0);
  EXPECT_TRUE(summary["ttft_ms"]["mean"].is_null());
}

TEST(ResultsTest, WarmUpIsNotMeasured) {
  RecorderOptions options = Options();
  options.warmup_requests = 1;
  Recorder recorder(options);
  for (int id = 0; id < 2; ++id) {
    const Seconds arrival = Ms(100 * id);
    recorder.OnArrival({id, 0, 0, arrival, 1, 1});
    recorder.OnTokens(id, 1, arrival + Ms(id == 0 ? 50 : 7));
    recorder.OnEnd(id, Outcome::kCompleted, arrival + Ms(id == 0 ? 50 : 7));
  }
  const Json summary = Json::parse(SummaryJson(recorder, Info()));
  EXPECT_NEAR(summary["ttft_ms"]["mean"].get<double>(), 7, 1e-9);
  EXPECT_EQ(summary["requests"]["completed"], 2);
  EXPECT_EQ(summary["requests"]["measured"], 1);
  const CsvFile csv = CsvFile::Parse(RequestsCsv(recorder), "requests.csv");
  EXPECT_EQ(csv.Text(0, csv.ColumnIndex("measured")), "0");
  EXPECT_EQ(csv.Text(1, csv.ColumnIndex("measured")), "1");
}

TEST(ResultsTest, OneTokenRequestHasNoTbt) {
  Recorder recorder(Options());
  recorder.OnArrival({0, 0, 0, Ms(0), 1, 1});
  recorder.OnTokens(0, 1, Ms(5));
  recorder.OnEnd(0, Outcome::kCompleted, Ms(5));
  const Json summary = Json::parse(SummaryJson(recorder, Info()));
  EXPECT_TRUE(summary["tbt_ms"]["mean"].is_null());
  EXPECT_TRUE(summary["itl_ms"]["mean"].is_null());
  EXPECT_TRUE(summary["bytes_per_token"]["decode_up"].is_null());
  EXPECT_NEAR(summary["ntpot_ms"]["mean"].get<double>(), 5, 1e-9);
  EXPECT_NEAR(summary["ttft_ms"]["mean"].get<double>(), 5, 1e-9);
  const CsvFile csv = CsvFile::Parse(RequestsCsv(recorder), "requests.csv");
  EXPECT_EQ(csv.Text(0, csv.ColumnIndex("tbt_ms")), "");
}

TEST(ResultsTest, RequestsCsvHasARowARequestAndItsPartsSum) {
  Recorder recorder(Options());
  Play(LifeOfOneRequest(), recorder);
  recorder.OnArrival({1, 1, 3, Ms(70), 9, 9});
  const CsvFile csv = CsvFile::Parse(RequestsCsv(recorder), "requests.csv");
  ASSERT_EQ(csv.rows(), 2);
  const auto number = [&](const std::string& column) {
    return csv.Number(0, csv.ColumnIndex(column), Range::NonNegative());
  };
  double sum = 0;
  for (const TtftPartField& part : TtftPartFields()) sum += number(std::string(part.name) + "_ms");
  EXPECT_NEAR(sum, number("ttft_ms"), 1e-9);
  EXPECT_EQ(number("bytes_up"), 296);
  EXPECT_EQ(number("prompt_row"), 7);
  EXPECT_EQ(csv.Text(0, csv.ColumnIndex("outcome")), "completed");
  EXPECT_EQ(csv.Text(1, csv.ColumnIndex("outcome")), "in_flight");
  EXPECT_EQ(csv.Text(1, csv.ColumnIndex("ttft_ms")), "");
  EXPECT_EQ(csv.Text(1, csv.ColumnIndex("e2e_ms")), "");
}

// Tokens at 44, 63, 63 ms.
TEST(ResultsTest, GapsCsvHasEveryGap) {
  Recorder recorder(Options());
  Play(LifeOfOneRequest(), recorder);
  EXPECT_EQ(GapsCsv(recorder), "request,token,gap_ms\n0,2,19\n0,3,0\n");
}

TEST(ResultsTest, ManifestNamesOriginsButNoPlace) {
  const std::string text = ManifestJson(Info());
  const Json manifest = Json::parse(text);
  EXPECT_EQ(manifest["engine"], "SimGrid 3.32");
  EXPECT_EQ(manifest["profiles"][0]["id"], "orin_vicuna-7b_device");
  EXPECT_EQ(manifest["profiles"][0]["provenance"], "published");
  EXPECT_EQ(manifest["profiles"][0]["sha256"], "ab12");
  EXPECT_EQ(manifest["inputs"][0]["sha256"], "cd34");
  EXPECT_EQ(manifest["config"], "seed = 1\n");
  EXPECT_TRUE(manifest["dirty"].is_boolean());
  EXPECT_EQ(manifest["partial"], false);
  EXPECT_THAT(text, testing::Not(HasSubstr("/somewhere")));
}

TEST(ResultsTest, SameEventsWriteTheSameFiles) {
  const TempFolder temp;
  for (const char* name : {"a", "b"}) {
    Recorder recorder(Options());
    Play(LifeOfOneRequest(), recorder);
    ResultFolder folder(temp / name);
    WriteResults(folder, recorder, Info());
    folder.Commit();
  }
  for (const char* file : {"summary.json", "requests.csv", "gaps.csv", "manifest.json"}) {
    EXPECT_EQ(ReadFile(temp / "a/" + file), ReadFile(temp / "b/" + file)) << file;
  }
}

TEST(ResultsTest, GapsCsvIsWrittenOnlyWhereGapsWereKept) {
  const TempFolder temp;
  RecorderOptions options = Options();
  options.keep_gaps = false;
  const Recorder recorder(options);
  ResultFolder folder(temp / "run");
  WriteResults(folder, recorder, Info());
  folder.Commit();
  EXPECT_THROW(ReadFile(temp / "run/gaps.csv"), InputError);
}

TEST(ResultsTest, ImpossibleSystemSaysWhyInPlaceOfFigures) {
  const TempFolder temp;
  ResultFolder folder(temp / "run");
  WriteNotPossible(folder, Info(), "needs 13.5 GB, has 8 GB");
  folder.Commit();
  const Json summary = Json::parse(ReadFile(temp / "run/summary.json"));
  EXPECT_EQ(summary["not_possible"], "needs 13.5 GB, has 8 GB");
  EXPECT_FALSE(summary.contains("ttft_ms"));
}

}  // namespace
}  // namespace hat
