// receipt.json: written, read back, and refused where it is damaged.
#include "experiments/validate/receipt.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/files.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf, testing::HasSubstr;

const std::string kDigest(64, 'a');

Receipt WholeReceipt() {
  Receipt receipt;
  receipt.programs = {{"hat-torch", "1f0c-dirty", kDigest}};
  receipt.model_sha256 = std::string(64, '0');
  receipt.hosts = {
      {"one", {"controller", "cloud"}, "a processor", "6.1", 2, int64_t{25} << 30, 12.5},
      {"two", {"device"}, "another", "6.1", 4, int64_t{8} << 30, 3}};
  receipt.time_scale = 2;
  receipt.shaping = "transport";
  receipt.settings = {1,  4, 304884, 512, 32, 2, Dtype::kFloat16, Dtype::kFloat32, Dtype::kFloat64,
                      16, 1};
  receipt.links = {{0, LinkMeasurement{4.1, 39.5, 99}, LinkMeasurement{4.2, 40, 100}},
                   {1, std::nullopt, std::nullopt}};
  receipt.clocks = {{"two", -0.5, 0.25, 0.1}};
  receipt.overruns = {4000, 12, 1.5};
  receipt.lateness = {900, -14, 96, 3500};
  receipt.outputs = {{0, kDigest, kDigest}, {7, kDigest, ""}};
  receipt.near_ties = {{3, "token", 17, 3e-5}, {3, "confidence", 18, 1e-5}, {9, "branch", 0, 0}};
  return receipt;
}

// The receipt's text with a value set: "settings.stages", "programs.0.sha256".
std::string With(const std::string& pointer, const nlohmann::json& value) {
  nlohmann::json json = nlohmann::json::parse(ReceiptJson(WholeReceipt()));
  json[nlohmann::json::json_pointer(pointer)] = value;
  return json.dump();
}

TEST(ReceiptTest, WhatIsWrittenReadsBackEqual) {
  const Receipt receipt = WholeReceipt();
  const std::string text = ReceiptJson(receipt);
  EXPECT_EQ(ParseReceipt(text, "receipt.json"), receipt);
  EXPECT_EQ(ReceiptJson(ParseReceipt(text, "receipt.json")), text);
}

TEST(ReceiptTest, AMissingKeyAnUnknownOneAndAWrongValueAreNamed) {
  nlohmann::json json = nlohmann::json::parse(ReceiptJson(WholeReceipt()));
  json.erase("near_ties");
  EXPECT_INPUT_ERROR(ParseReceipt(json.dump(), "r.json"),
                     HasSubstr("r.json: 'near_ties' is missing"));
  EXPECT_INPUT_ERROR(ParseReceipt(With("/speed", 1), "r.json"), HasSubstr("speed"));
  const struct {
    const char* pointer;
    nlohmann::json value;
    const char* words;
  } kBad[] = {{"/schema_version", 2, "'schema_version'"},
              {"/time_scale", 0, "'time_scale'"},
              {"/shaping", "magic", "transport"},
              {"/settings/kv_tokens", -1, "'settings.kv_tokens'"},
              {"/settings/compute_dtype", "int4", "'settings.compute_dtype'"},
              {"/programs/0/sha256", "abc", "64 hex digits"},
              {"/programs", nlohmann::json::array(), "'programs' must not be empty"},
              {"/hosts/0/roles/0", "ghost", "'hosts[0].roles[0]'"},
              {"/overruns/overran", 4001, "'overruns.overran'"},
              {"/outputs/1/request", 0, "ascend by request, got 0 after 0"},
              {"/near_ties/2/request", 1, "ascend by request, got 1 after 3"},
              {"/near_ties/0/gap", 1.5, "'near_ties[0].gap'"},
              {"/near_ties/0/decision", "mood", "proposal"},
              {"/links/0/before", nullptr, "'links[0].before'"}};
  for (const auto& bad : kBad) {
    EXPECT_INPUT_ERROR(ParseReceipt(With(bad.pointer, bad.value), "r.json"),
                       AllOf(HasSubstr("r.json"), HasSubstr(bad.words)))
        << bad.pointer;
  }
}

TEST(ReceiptTest, AnOutputsDigestIsOfItsIdsAsFourBytesLittleEndian) {
  EXPECT_EQ(OutputDigest({1, 258}), Sha256Hex(std::string("\1\0\0\0\2\1\0\0", 8)));
  EXPECT_EQ(OutputDigest({}), Sha256Hex(""));
}

}  // namespace
}  // namespace hat
