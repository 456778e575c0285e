// hat generate, as a user runs it, on a tiny random model.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/model/checkpoint.h"
#include "tests/core/program_run.h"
#include "tests/runtime/session/drafts.h"
#include "tests/runtime/tokenizer_file.h"

namespace hat {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::SizeIs;

// 290 tokens, 4 layers, 48 positions, tokenizer and adapter (for a split of 2) in the folder.
class GenerateProgramTest : public testing::Test {
 protected:
  GenerateProgramTest() {
    ModelConfig config = TinyConfig(8);
    config.shape.vocabulary = 290;
    config.shape.layers.resize(4, config.shape.layers[0]);
    config.max_positions = 48;
    config.bos_token = 1;
    const Model model = Damped(RandomModel(config, 8), 2, 0.1);
    WriteModel(folder_.path(), model, Dtype::kFloat32);
    std::ofstream(folder_ / "tokenizer.model", std::ios::binary) << TokenizerFileOfSize(290);
    WriteMildAdapter(folder_ / "adapter.safetensors", OpenModel(folder_.path()), 2);
  }

  ProgramRun Run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {HAT_BIN_DIR "/hat", "generate", "--model", model_});
    return RunProgram(arguments);
  }

  json RunJson(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const ProgramRun outcome = Run(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return json::parse(outcome.out);
  }

  void Refuses(const std::vector<std::string>& arguments, const std::string& words) const {
    ExpectRefusal(Run(arguments), "hat generate: ", words);
  }

  const TempFolder folder_;
  std::string model_ = folder_.path();
};

TEST_F(GenerateProgramTest, LookupsNeedNoAdapterAndChangeNoToken) {
  const std::vector<std::string> prompt = {"--prompt", "hello hello hello", "--max-new-tokens",
                                           "20"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), prompt.begin(), prompt.end());
    return more;
  };
  const json whole = RunJson(with({"--system", "whole"}));
  const json both = RunJson(with({"--drafter", "adapter+lookup"}));
  std::filesystem::remove(folder_ / "adapter.safetensors");
  const json lookup = RunJson(with({"--drafter", "lookup", "--draft-threshold", "0"}));
  EXPECT_EQ(both["output_ids"], whole["output_ids"]);
  EXPECT_EQ(lookup["output_ids"], whole["output_ids"]);
  EXPECT_GT(lookup["drafted"], 0);
  Refuses(with({"--drafter", "lookup", "--system", "u-shape"}), "drafts no chains on devices");
}

TEST_F(GenerateProgramTest, EverySystemPrintsTheSameText) {
  const ProgramRun whole =
      Run({"--prompt", "hello", "--system", "whole", "--max-new-tokens", "20"});
  EXPECT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_GT(whole.out.size(), 5u);
  EXPECT_THAT(whole.err, ContainsRegex("^20 tokens, [0-9.]+ tokens/s"));
  for (const char* system : {"u-shape", "hat", "u-medusa"}) {
    const ProgramRun split = Run({"--prompt", "hello", "--system", system, "--max-new-tokens", "20",
                                  "--medusa", "random:3"});
    EXPECT_EQ(split.exit_code, 0) << split.err;
    EXPECT_EQ(split.out, whole.out) << system;
    EXPECT_THAT(split.err, ContainsRegex("accept length [0-9.]+ \\([0-9]+ rounds, [0-9]+ of [0-9]+ "
                                         "drafted tokens accepted\\)"));
  }
}

// The whole model has the same device's part.
TEST_F(GenerateProgramTest, ADeviceOfInt8WeightsSaysWhatTheWholeModelWithThemSays) {
  const auto output = [&](const std::string& system) {
    return RunJson({"--prompt", "hello", "--device-int8", "--system", system, "--max-new-tokens",
                    "20"})["output_ids"];
  };
  EXPECT_EQ(output("hat"), output("whole"));
  EXPECT_EQ(output("u-shape"), output("whole"));
  Refuses({"--prompt", "hello", "--device-int8", "--dtype", "fp64"}, "int8");
}

// In one piece; there is nothing to split.
TEST_F(GenerateProgramTest, AModelOfOneLayerRunsWhole) {
  ModelConfig config = OpenModel(folder_.path()).config;
  config.shape.layers.resize(1, config.shape.layers[0]);
  model_ = folder_ / "one";
  WriteModel(model_, RandomModel(config, 8), Dtype::kFloat32);
  const json whole = RunJson({"--prompt-ids", "1,17,289", "--system", "whole"});
  EXPECT_THAT(whole["output_ids"], SizeIs(46));
  EXPECT_EQ(
      RunJson({"--prompt-ids", "1,17,289", "--system", "whole", "--split", "1"})["output_ids"],
      whole["output_ids"]);
  for (const char* system : {"u-shape", "hat", "u-medusa"}) {
    Refuses({"--prompt-ids", "1", "--system", system}, "one layer cannot be split");
  }
}

TEST_F(GenerateProgramTest, JsonSaysWhatWasAskedAndWhatCameOut) {
  const json whole = RunJson({"--prompt-ids", "1,17,289", "--system", "whole"});
  EXPECT_EQ(whole["prompt_ids"], json({1, 17, 289}));
  EXPECT_THAT(whole["output_ids"], SizeIs(46)) << "to the model's last position";
  EXPECT_EQ(whole["accept_length"], nullptr);
  EXPECT_EQ(whole["rounds"], 0);
  EXPECT_GT(whole["ms_per_token"].get<double>(), 0);

  const json hat = RunJson({"--prompt-ids", "1,17,289", "--draft-threshold", "0"});
  EXPECT_EQ(hat["system"], "hat");
  EXPECT_EQ(hat["output_ids"], whole["output_ids"]);
  EXPECT_GT(hat["accepted"].get<int>(), 0);
  EXPECT_EQ(hat["rounds"].get<int>() + hat["accepted"].get<int>() + 1, 46);
  EXPECT_DOUBLE_EQ(hat["accept_length"].get<double>(), 45.0 / hat["rounds"].get<int>());
  EXPECT_TRUE(hat["near_ties"].is_array());
}

TEST_F(GenerateProgramTest, TextBecomesTheTokenizersIdsBehindTheFirstToken) {
  const json said = RunJson({"--prompt", "ab", "--system", "u-shape", "--max-new-tokens", "1"});
  EXPECT_EQ(said["prompt_ids"], json({1, kPiecesBefore, kPiecesBefore + 1, kPiecesBefore + 2}));
}

TEST_F(GenerateProgramTest, UntrainedDraftersAndOddCutsGiveTheSameTokens) {
  const json whole = RunJson({"--prompt-ids", "5,6,7,8,9", "--system", "whole"});
  for (const std::vector<std::string>& ways : std::vector<std::vector<std::string>>{
           {"--adapter", "random:9", "--split", "3", "--draft-threshold", "0"},
           {"--adapter", "random:9", "--split", "1", "--chunk", "2"},
           {"--system", "u-sarathi", "--chunk", "1"},
           {"--system", "u-medusa", "--medusa", "random:1", "--split", "1"}}) {
    std::vector<std::string> arguments = {"--prompt-ids", "5,6,7,8,9"};
    arguments.insert(arguments.end(), ways.begin(), ways.end());
    EXPECT_EQ(RunJson(arguments)["output_ids"], whole["output_ids"]) << ways[1];
  }
}

TEST_F(GenerateProgramTest, WithoutATokenizerIdsGoInAndOut) {
  std::filesystem::remove(folder_ / "tokenizer.model");
  const json said = RunJson({"--prompt-ids", "4,5", "--max-new-tokens", "3"});
  const auto ids = said["output_ids"].get<std::vector<int>>();
  const ProgramRun outcome = Run({"--prompt-ids", "4,5", "--max-new-tokens", "3"});
  EXPECT_EQ(outcome.out, std::to_string(ids[0]) + " " + std::to_string(ids[1]) + " " +
                             std::to_string(ids[2]) + "\n");
  Refuses({"--prompt", "a"}, "tokenizer.model");
  std::ofstream(folder_ / "tokenizer.model") << "IQ== 0\nIg== 1\n";  // another kind's
  const ProgramRun other = Run({"--prompt-ids", "4,5", "--max-new-tokens", "3"});
  EXPECT_EQ(other.out, outcome.out);
  EXPECT_THAT(other.err, testing::HasSubstr("not a sentencepiece model"));
  EXPECT_THAT(other.err, testing::HasSubstr("so the answer is in token ids"));
  Refuses({"--prompt", "a"}, "not a sentencepiece model");
}

// Pieces 1 and 2 are <s> and </s>.
TEST_F(GenerateProgramTest, AChatIsAPromptInTheModelsTemplate) {
  std::ofstream(folder_ / "tokenizer_config.json")
      << R"({"bos_token": "<s>", "eos_token": {"content": "</s>"},
             "chat_template": "{{ bos_token }}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}"})";
  const json chat = RunJson({"--chat", "hello", "--max-new-tokens", "3"});
  const json prompt = RunJson({"--prompt", "hello</s>", "--max-new-tokens", "3"});
  EXPECT_EQ(chat["prompt_ids"], prompt["prompt_ids"]);
  EXPECT_EQ(chat["output_ids"], prompt["output_ids"]);
  std::ofstream(folder_ / "chat_template.jinja") << "{{ messages[0].content }}";
  const json other = RunJson({"--chat", "hello", "--max-new-tokens", "3"});
  EXPECT_EQ(other["prompt_ids"].size() + 2, prompt["prompt_ids"].size()) << "the file comes first";
  const json named =
      RunJson({"--chat", "a", "--chat-template", "llama-2", "--max-new-tokens", "3"});
  EXPECT_EQ(named["prompt_ids"][0], 1);
  Refuses({"--chat", "a", "--prompt", "b"}, "--prompt excludes --chat");
}

TEST_F(GenerateProgramTest, ModelTokensSaysWhatATextIs) {
  const ProgramRun run =
      RunProgram({HAT_BIN_DIR "/hat", "model", "tokens", model_, "--text", "a</s>"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  json ids = RunJson({"--prompt", "a</s>", "--max-new-tokens", "1"})["prompt_ids"];
  ids.erase(0);  // the token that stands before a text
  EXPECT_EQ("[" + run.out, ids.dump().replace(ids.dump().size() - 1, 1, "\n"));
}

TEST_F(GenerateProgramTest, ModelShowSaysWhatTheCheckpointIs) {
  const auto show = [&] { return RunProgram({HAT_BIN_DIR "/hat", "model", "show", model_}); };
  const ProgramRun whole = show();
  EXPECT_EQ(whole.exit_code, 0) << whole.err;
  for (const std::string& words :
       {std::string("4 layers"), std::string(" in F32, "), std::string("positions    48, "),
        std::string("begin, end   token 1; "), std::string("sentencepiece, 290 pieces\n"),
        std::string("adapter      adapter.safetensors, after 2 layers\n"),
        std::string("Medusa heads none\n"), "fingerprint  " + Checkpoint(model_).Fingerprint(),
        "SHA-256      " + Checkpoint(model_).Sha256()}) {
    EXPECT_THAT(whole.out, testing::HasSubstr(words));
  }
  WriteModel(model_, RandomModel(Checkpoint(model_).config(), 9), Dtype::kFloat16);
  std::filesystem::remove(folder_ / "tokenizer.model");
  const ProgramRun other = show();
  EXPECT_THAT(other.out, testing::HasSubstr("after 2 layers, of another model: refused\n"));
  EXPECT_THAT(other.out, testing::HasSubstr(" in F16, "));
  EXPECT_THAT(other.out, testing::HasSubstr("tokenizer    none: token ids only\n"));
  std::filesystem::remove(folder_ / "model.safetensors");
  ExpectRefusal(show(), "hat model show: ", "has neither");
}

TEST_F(GenerateProgramTest, PromptsThatDoNotFitAreRefused) {
  Refuses({}, "--prompt TEXT, --chat TEXT or --prompt-ids");
  Refuses({"--prompt", ""}, "empty");
  Refuses({"--prompt-ids", ""}, "empty");
  for (const char* ids : {"1,x", "1,", ",1", "1 2", "99999999999", "1.5"}) {
    Refuses({"--prompt-ids", ids}, "--prompt-ids: numbers with commas between them");
  }
  Refuses({"--prompt-ids", "1,290"}, "token id 290 of the prompt is outside the vocabulary");
  Refuses({"--prompt-ids", "-1"}, "token id -1");
  Refuses({"--prompt", "a", "--prompt-ids", "1"}, "excludes");
  Refuses({"--prompt", "a\xFF"}, "UTF-8");
  Refuses({"--prompt", std::string(60, 'a')}, "has 62 tokens; the model has 48 positions");
  Refuses({"--prompt", "a", "--max-new-tokens", "47"}, "room for 1 to 46 new tokens");
}

TEST_F(GenerateProgramTest, OptionsThatDoNotFitAreRefused) {
  const auto refuses = [this](std::vector<std::string> arguments, const std::string& words) {
    arguments.insert(arguments.end(), {"--prompt-ids", "1"});
    Refuses(arguments, words);
  };
  refuses({"--system", "cloud-only"}, "--system");
  refuses({"--split", "4"}, "the device can have 1 to 3");
  refuses({"--split", "0"}, "the device can have 1 to 3");
  refuses({"--split", "4", "--system", "whole"}, "the device can have 1 to 3");
  refuses({"--split", "1"}, "trained for a split of 2");
  refuses({"--chunk", "0"}, "--chunk");
  refuses({"--system", "u-medusa", "--medusa", "random:1", "--chunk", "3"},
          "takes chunking 'none'");
  refuses({"--draft-threshold", "nan"},
          "--draft-threshold: must be a decimal number, as 0.5, got 'nan'");
  refuses({"--draft-threshold", "1.1"}, "got 1.1");
  refuses({"--max-new-tokens", "0"}, "--max-new-tokens");
  refuses({"--adapter", folder_ / "no"}, "no");
  refuses({"--adapter", "random:x"}, "random:");
  refuses({"--system", "u-medusa"}, "medusa.safetensors; give a file, or random:SEED");
  refuses({"--dtype", "int8"}, "--dtype");
  refuses({"--wire-dtype", "fp64"}, "--wire-dtype must be one of fp32, fp16, bf16");
  refuses({"--device", "cuda:99"}, "cuda:99");
  refuses({"--device", "tpu"}, "tpu");
}

TEST_F(GenerateProgramTest, FoldersThatHoldNoModelAreRefused) {
  const TempFolder empty;
  model_ = empty.path();
  Refuses({"--prompt-ids", "1"}, empty / "config.json");
  model_ = folder_ / "missing";
  Refuses({"--prompt-ids", "1"}, folder_ / "missing");
  model_ = folder_.path();
  std::filesystem::remove(folder_ / "model.safetensors");
  Refuses({"--prompt-ids", "1"}, "model.safetensors");
  std::filesystem::remove(folder_ / "config.json");
  Refuses({"--prompt-ids", "1"}, "config.json");
}

TEST_F(GenerateProgramTest, AnotherModelsTokenizerOrAdapterIsRefused) {
  std::ofstream(folder_ / "tokenizer.model", std::ios::binary) << TokenizerFileOfSize(291);
  Refuses({"--prompt", "a"}, "has 291 pieces, the model's vocabulary 290");
  const Model other = RandomModel(OpenModel(folder_.path()).config, 99);
  WriteMildAdapter(folder_ / "other", other, 2);
  std::ofstream(folder_ / "tokenizer.model", std::ios::binary) << TokenizerFileOfSize(290);
  Refuses({"--prompt-ids", "1", "--adapter", folder_ / "other"}, "model");
}

TEST_F(GenerateProgramTest, TooLittleMemoryIsSaidInOneLine) {
  ModelConfig config = OpenModel(folder_.path()).config;
  config.max_positions = 1 << 24;  // caches of gigabytes where the model itself is tiny
  std::ofstream(folder_ / "config.json") << ConfigJson(config);
  const ProgramRun run =
      RunProgram({"prlimit", "--as=3221225472", HAT_BIN_DIR "/hat", "generate", "--model", model_,
                  "--prompt-ids", "1", "--system", "u-shape", "--max-new-tokens", "16000000"});
  ExpectRefusal(run, "hat generate: ", "the memory does not suffice");
}

}  // namespace
}  // namespace hat
