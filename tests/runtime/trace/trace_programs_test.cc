// hat trace prompts, record and check, as a user runs them, and hat generate beside them.
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "experiments/traces/draft_trace_summary.h"
#include "tests/core/program_run.h"
#include "tests/runtime/tokenizer_file.h"
#include "tests/runtime/trace/drafted_folder.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class TraceProgramsTest : public testing::Test {
 protected:
  TraceProgramsTest() : folder_(3, 290) {
    WriteFileAtomically(folder_ / "tokenizer.model", TokenizerFileOfSize(290));
  }
  // In the model's folder.
  ProgramRun Run(const std::string& verb, const std::string& words) const {
    return RunProgram(Words("env -C {} {} " + verb + " --model . " + words,
                            {folder_.path(), HAT_BIN_DIR "/hat"}));
  }
  ProgramRun Record(const std::string& more = "", int max_draft = 4) const {
    return Run("trace record",
               "--split 1 --prompts prompts.csv --out t --max-new-tokens 32 --max-draft " +
                   std::to_string(max_draft) + " " + more);
  }
  ProgramRun Check(const std::string& more = "") const {
    return Run("trace check", "--split 1 --prompts prompts.csv --trace t " + more);
  }
  static void Refuses(const ProgramRun& run, const std::string& words) {
    ExpectRefusal(run, "hat trace ", words);
  }

  DraftedFolder folder_;
};

TEST_F(TraceProgramsTest, ARecordedTracePassesItsCheck) {
  const ProgramRun recorded = Record();
  EXPECT_EQ(recorded.exit_code, 0) << recorded.err;
  EXPECT_THAT(recorded.out, HasSubstr("3 rows of"));
  const DraftTrace trace = DraftTrace::Load(folder_ / "t");
  EXPECT_EQ(trace.info().output_tokens, 32);
  EXPECT_EQ(trace.info().max_steps, 5);
  EXPECT_EQ(trace.info().medusa_heads, 4);
  EXPECT_EQ(trace.info().prompts_sha256, folder_.prompts().sha256);
  const ProgramRun checked = Check("--thresholds 0.05,0.31 --jobs 2");
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_THAT(checked.out, AllOf(HasSubstr("hat, threshold 0.31: 3 requests"),
                                 HasSubstr("u-medusa: 3 requests"), HasSubstr("0 differ")));
}

TEST_F(TraceProgramsTest, ATraceOfOtherDraftsFailsItsCheck) {
  ASSERT_EQ(Record().exit_code, 0);
  const DraftTrace trace = DraftTrace::Load(folder_ / "t");
  DraftTrace changed = trace;
  const std::vector<float> sure(5, 1.0F);
  for (int row = 0; row < trace.rows(); ++row) {
    changed.Set(row, 2, {sure, 0, 7, trace.Row(row, 2).medusa_ranks});
  }
  changed.Save(folder_ / "t");
  const ProgramRun checked = Check("--thresholds 0.99");
  EXPECT_EQ(checked.exit_code, 1) << checked.err;
  EXPECT_THAT(checked.out,
              AllOf(HasSubstr("NOT GOOD"), HasSubstr("no near-tie explains it: FAILURE")));
}

TEST_F(TraceProgramsTest, RecordingTwiceGivesTheSameBytes) {
  ASSERT_EQ(Record().exit_code, 0);
  const std::string first = ReadFile(folder_ / "t");
  Refuses(Record(), "exists");
  ASSERT_EQ(Record("--force").exit_code, 0);
  EXPECT_EQ(ReadFile(folder_ / "t"), first);
}

// What hat train eval and hat trace show say of a trace is what hat generate does.
TEST_F(TraceProgramsTest, AcceptLengthsAreThoseOfHatGenerate) {
  ModelConfig config = ReadModelConfig(folder_.path());
  config.eos_tokens.clear();  // which would end hat generate
  WriteFileAtomically(folder_ / "config.json", ConfigJson(config));
  ASSERT_EQ(Record("", PolicyOptions().max_draft).exit_code, 0);
  const DraftTrace trace = DraftTrace::Load(folder_ / "t");
  const double threshold = 0.02;
  RoundTotals generated;
  for (const Prompt& prompt : folder_.prompts().prompts) {
    std::string ids;
    for (const int32_t id : prompt.ids) {
      if (!ids.empty()) ids.push_back(',');
      ids.append(std::to_string(id));
    }
    const ProgramRun outcome =
        Run("generate", "--split 1 --max-new-tokens 32 --json --draft-threshold " +
                            std::to_string(threshold) + " --prompt-ids " + ids);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const nlohmann::json json = nlohmann::json::parse(outcome.out);
    generated.rounds += json["rounds"].get<int>();
    generated.drafted += json["drafted"].get<int>();
    generated.accepted += json["accepted"].get<int>();
  }
  const RoundTotals traced = DraftTotals(trace, threshold, PolicyOptions().max_draft);
  EXPECT_EQ(generated.rounds, traced.rounds);
  EXPECT_EQ(generated.drafted, traced.drafted);
  EXPECT_DOUBLE_EQ(generated.AcceptLength(), traced.AcceptLength());
  EXPECT_GT(traced.accepted, 0);
  EXPECT_GT(traced.drafted, traced.accepted);
}

TEST_F(TraceProgramsTest, PromptsOfWantedLengthsAreCutAndRecorded) {
  std::string text;
  for (int line = 0; line < 60; ++line) text += "the line of the text\n";
  WriteFileAtomically(folder_ / "text.txt", text);
  WriteFileAtomically(folder_ / "lengths.csv", "prompt_tokens\n12\n40\n5\n");
  const std::string words =
      "--text text.txt --lengths lengths.csv --out prompts.csv --max-new-tokens 32";
  Refuses(Run("trace prompts", words), "exists");
  const ProgramRun cut = Run("trace prompts", words + " --force");
  EXPECT_EQ(cut.exit_code, 0) << cut.err;
  EXPECT_THAT(cut.out, StartsWith("3 prompts"));
  const ProgramRun recorded = Record();
  EXPECT_EQ(recorded.exit_code, 0) << recorded.err;
  EXPECT_THAT(recorded.out, HasSubstr("3 rows of 5 to 40 tokens"));
  WriteFileAtomically(folder_ / "lengths.csv", "prompt_tokens\n98\n");
  Refuses(Run("trace prompts", words + " --force"), "1..97");
}

TEST_F(TraceProgramsTest, FilesThatDoNotBelongTogetherAreRefused) {
  ASSERT_EQ(Record().exit_code, 0);
  Refuses(Check("--adapter random:1"), "recorded with other weights");
  Refuses(Check("--medusa random:1"), "recorded with other weights");
  std::string prompts = ReadFile(folder_ / "prompts.csv");
  WriteFileAtomically(folder_ / "prompts.csv", prompts + "\n");
  Refuses(Check(), "recorded on other prompts");

  Refuses(Record("--force --split 9"), "split");
  Refuses(Record("--force", 1000), "--max-draft");
  std::filesystem::remove(folder_ / "adapter.safetensors");
  std::filesystem::remove(folder_ / "medusa.safetensors");
  Refuses(Record("--force"), "neither an adapter nor Medusa heads");
  EXPECT_EQ(DraftTrace::Load(folder_ / "t").rows(), 3) << "the old one still stands";
}

}  // namespace
}  // namespace hat
