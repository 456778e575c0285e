#include "profiles/profile_file.h"

#include <fstream>

#include "core/files.h"
#include "profiles/profile.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/profiles/sample_profiles.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// The sample device's file with one piece of text exchanged.
std::string Edited(const std::string& from, const std::string& to) {
  std::string text = ProfileText(SampleDevice());
  const size_t at = text.find(from);
  HAT_CHECK(at != std::string::npos, from);
  return text.replace(at, from.size(), to);
}

TEST(ProfileFileTest, WrittenAndReadAgainAllIsTheSame) {
  ProfileData data = SampleDevice();
  data.info.power_mode = "30w";
  data.allow_extrapolation = true;
  data.draft_layers = 2;
  data.measurement = {{"threads", "2"}, {"commit", "0123abc"}};
  data.operations[Operation::kDraft] = {{1, 0, {0.1, 1.0 / 3, 2e6}, {0.05, 0.5, 0.95}}};
  const std::string text = ProfileText(data);
  const ProfileData read = ParseProfile(text, "a.json");
  EXPECT_EQ(ProfileText(read), text);
  EXPECT_EQ(read.info.path, "a.json");
  EXPECT_EQ(read.info.sha256, Sha256Hex(text));
  EXPECT_EQ(read.info.model, data.info.model);
  EXPECT_EQ(read.info.memory, data.info.memory);
  EXPECT_EQ(read.info.source, data.info.source);
  EXPECT_EQ(read.info.provenance, Provenance::kMeasured);
  EXPECT_EQ(read.operations.at(Operation::kDraft)[0].samples_us,
            data.operations[Operation::kDraft][0].samples_us);
  EXPECT_EQ(read.operations.at(Operation::kDraft)[0].quantiles,
            data.operations[Operation::kDraft][0].quantiles);
  EXPECT_EQ(read.draft_layers, 2);
  EXPECT_EQ(read.measurement, data.measurement);
}

TEST(ProfileFileTest, AFileIsReadFromItsPath) {
  const TempFolder folder;
  WriteFileAtomically(folder / "cloud.json", ProfileText(SampleCloud()));
  EXPECT_EQ(CloudProfile::Load(folder / "cloud.json").info().path, folder / "cloud.json");
  EXPECT_INPUT_ERROR(DeviceProfile::Load(folder / "cloud.json"),
                     AllOf(HasSubstr("cloud.json"), HasSubstr("'role' must be device")));
}

TEST(ProfileFileTest, AnOperationOfTheOtherRoleIsNotWritten) {
  ProfileData data = SampleDevice();
  data.operations[Operation::kLinear] = {At(1, 0, {1})};
  EXPECT_INPUT_ERROR(ProfileText(data),
                     HasSubstr("device profile may have the operations embedding, layer"));
}

TEST(ProfileFileTest, BadFilesNameFileAndKey) {
  const std::string point = R"({"tokens":1,"context":0,"samples_us":[1]})";
  const struct {
    std::string text;
    const char* problem;
  } cases[] = {
      {"", "not valid JSON"},
      {"[]", "must be an object"},
      {"{}", "'format' is missing"},
      {Edited("hat-profile/1", "hat-profile/2"), "'format' must be one of hat-profile/1"},
      {Edited("\"id\": \"sample_device\"", "\"id\": 7"), "'id' must be a string"},
      {Edited("\"role\": \"device\"", "\"role\": \"phone\""),
       "'role' must be one of device, cloud"},
      {Edited("\"measured\"", "\"guessed\""),
       "'provenance' must be one of measured, published, modelled"},
      {Edited("\"dtype\"", "\"dtpye\""), "unknown key 'dtpye'"},
      {Edited("\"fp32\"", "\"int4\""),
       "'dtype' must be one of float64, fp64, float32, fp32, float16, fp16, bfloat16, bf16"},
      {Edited("1073741824", "-1"), "'memory_bytes' must be an integer in 1.."},
      {Edited("1073741824", "1.5"), "'memory_bytes' must be an integer"},
      {Edited("\"heads\": 8, ", ""), "'model.heads' is missing"},
      {Edited("\"heads\": 8", "\"heads\": 8, \"arms\": 2"), "unknown key 'model.arms'"},
      {Edited("\"dtype\"", "\"draft_layers\": 2, \"dtype\""),
       "'draft_layers' needs an operation 'draft'"},
      {Edited("\"dtype\"", "\"allow_extrapolation\": 1, \"dtype\""),
       "'allow_extrapolation' must be true or false"},
      {Edited("\"dtype\"", "\"measurement\": {\"speed\": \"1\"}, \"dtype\""),
       "unknown key 'measurement.speed'"},
      {Edited("\"dtype\"", "\"measurement\": {\"threads\": 1}, \"dtype\""),
       "'measurement.threads' must be a string"},
      {Edited("\"provenance\": \"measured\"", "\"provenance\": \"modelled\", \"measurement\": {}"),
       "'measurement' belongs to measured profiles only"},
      {Edited("\"head\": {", "\"haed\": {"), "unknown key 'operations.haed'"},
      {Edited("\"unit\": \"us\"", "\"unit\": \"ms\""),
       "'operations.embedding.unit' must be one of us"},
      {Edited("\"unit\": \"us\", ", ""), "'operations.embedding.unit' is missing"},
      {Edited(point, "3"), "'operations.embedding.points[0]' must be an object"},
      {Edited(point, R"({"tokens":1,"context":0})"),
       "points[0]' must have either 'samples_us' or 'quantiles_us'"},
      {Edited("\"tokens\":1", "\"tokens\":0"), "points[0].tokens' must be an integer in 1.."},
      {Edited("\"context\":0", "\"context\":-1"), "points[0].context' must be an integer in 0.."},
      {Edited("[1]", "[NaN]"), "not valid JSON"},
      {Edited("[1]", "[1e999]"), "not valid JSON"},
      {Edited("[1]", "[-1]"), "points[0].samples_us[0]' must be a number in 0"},
      {Edited("[1]", "1"), "points[0].samples_us' must be an array"},
      {Edited("\"samples_us\":[1]", "\"quantiles_us\":[1]"),
       "points[0].quantiles_us[0]' must be an array"},
      {Edited("\"samples_us\":[1]", "\"quantiles_us\":[[0.5,1,2]]"), "must be [quantile, us]"},
      {Edited("\"samples_us\":[1]", "\"quantiles_us\":[[1.5,1]]"),
       "quantiles_us[0][0]' must be a number in 0..1"},
      {Edited("\"tokens\":1,", "\"tokens\":1,\"tokens\":1,"), "'tokens' stands twice"},
  };
  for (const auto& [text, problem] : cases) {
    EXPECT_INPUT_ERROR(ParseProfile(text, "bad.json"),
                       AllOf(HasSubstr("bad.json: "), HasSubstr(problem)));
  }
}

TEST(ProfileFileTest, ABadGridIsNamedWhenAProfileIsMade) {
  const std::string text =
      Edited("\"tokens\":100,\"context\":100", "\"tokens\":100,\"context\":99");
  EXPECT_INPUT_ERROR(DeviceProfile(ParseProfile(text, "bad.json")),
                     AllOf(HasSubstr("bad.json: 'operations.layer'"), HasSubstr("full grid")));
}

}  // namespace
}  // namespace hat
