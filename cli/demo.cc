// hat demo: a cloud and two devices on this machine, and what they make of a prompt.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/demo_party.h"
#include "cli/demo_view.h"
#include "cli/plain_verbs.h"
#include "cli/shipped.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/utf8.h"

namespace hat {
namespace {

constexpr int kDevices = 2;
constexpr auto kPoll = std::chrono::milliseconds(5);

// For whoever has no idea what to ask: the shipped model knows the manner of three genres.
constexpr const char* kDemoExamples[] = {
    "1 In the beginning God created the heaven and the earth.\n2 And",
    "And the king said unto",
    "The function returns",
    "usage: ls [OPTION]... [FILE]...\n",
};

struct DemoVerbOptions : DemoOptions {
  std::vector<std::string> prompts;
  int pause_ms = 150;
};

void AddOptions(CommandLine& line, DemoVerbOptions& options) {
  line.description(
      "Starts a cloud and two devices on this machine, with keys of their own and real TLS between "
      "them, and asks for a prompt for each. What a device drafts is shown in yellow, then green "
      "where the cloud's answer confirms it, struck through where not; the target's own tokens are "
      "plain. Below are TTFT and TBT as they were, while what is shown is slowed down. Ends with "
      "Ctrl-D; nothing stays behind.");
  line.footer(
      "Examples:\n"
      "  hat demo\n"
      "  hat demo --prompt 'And the king said unto' --max-new-tokens 32");
  line.add_option("--prompt", options.prompts,
                  "do not ask: this one for both devices, or one for each, then end")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->expected(1, kDevices);
  line.add_option("--model", options.model,
                  "folder of the checkpoint, with its tokenizer; one with a chat template is "
                  "talked to in it")
      ->capture_default_str()
      ->transform(ShippedPath);
  line.add_option("--system", options.system, "as of 'hat generate'")->capture_default_str();
  line.add_option("--max-new-tokens", options.max_new_tokens, "of an answer")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  line.add_option("--pause-ms", options.pause_ms,
                  "how long a round's proposals are shown, and what came of them, on a terminal")
      ->capture_default_str()
      ->check(CLI::Range(0, 10'000));
}

// One question to each device, and all answers.
class Turn {
 public:
  Turn(DemoParty& party, DemoView& view, std::chrono::milliseconds pause,
       const std::vector<std::string>& prompts)
      : party_(party), view_(view), pause_(pause), before_(party.Counts()) {
    answers_.resize(prompts.size());
    steps_.resize(prompts.size());
    for (size_t i = 0; i < prompts.size(); ++i) {
      shown_.push_back({.name = fmt::format("device-{}", i),
                        .pieces = {{TextKind::kPrompt, prompts[i]}},
                        .newest = {},
                        .answer = &answers_[i]});
      party_.Ask(static_cast<int>(i), prompts[i]);
    }
  }

  // Have all devices answered?
  bool Play() {
    for (;;) {
      const bool is_over = Advance();
      if (is_over) break;
      view_.Draw(shown_, CloudLine());
      Pause();
    }
    view_.Finish(shown_, CloudLine());
    const auto is_whole = [](const DemoAnswer& answer) { return answer.problem.empty(); };
    return std::ranges::all_of(answers_, is_whole);
  }

 private:
  // Where a device's animation is: a round is shown in two steps.
  struct Step {
    size_t round = 0;
    bool is_proposed = false;
  };

  // True: all is shown.
  bool Advance() {
    bool is_over = true;
    for (size_t i = 0; i < shown_.size(); ++i) {
      party_.Hear(static_cast<int>(i), answers_[i]);
      if (steps_[i].round < answers_[i].rounds.size()) {
        Show(i);
      } else if (answers_[i].has_ended && !shown_[i].is_done) {
        Settle(shown_[i]);
        shown_[i].is_done = true;
      }
      is_over = is_over && shown_[i].is_done;
    }
    return is_over;
  }

  void Show(size_t i) {
    ShownAnswer& shown = shown_[i];
    Step& step = steps_[i];
    const DemoRound& round = answers_[i].rounds[step.round];
    Settle(shown);
    if (!step.is_proposed && !round.drafted.empty()) {
      for (TextPiece piece : round.drafted) {
        shown.newest.push_back({TextKind::kProposed, std::move(piece.text)});
      }
      step.is_proposed = true;
      return;
    }
    for (const TextPiece& piece : round.drafted) {
      if (piece.kind == TextKind::kDropped) shown.newest.push_back(piece);
    }
    // What is kept comes first, the target's own in the place of what is not.
    const auto own = round.finished.end() - (round.finished.empty() ? 0 : 1);
    shown.newest.insert(shown.newest.begin(), round.finished.begin(), own);
    shown.newest.insert(shown.newest.end(), own, round.finished.end());
    view_.ShowRound(shown, round);
    step = {step.round + 1, false};
  }

  // What is shown becomes part of the answer, once it is more than proposed.
  static void Settle(ShownAnswer& shown) {
    for (TextPiece& piece : shown.newest) {
      if (piece.kind != TextKind::kProposed) shown.pieces.push_back(std::move(piece));
    }
    shown.newest.clear();
  }

  void Pause() const {
    const auto end = std::chrono::steady_clock::now() + pause_;
    do {
      if (IsInterrupted()) throw RunError("interrupted");
      std::this_thread::sleep_for(kPoll);
    } while (std::chrono::steady_clock::now() < end);
  }

  std::string CloudLine() const {
    const CloudCounts now = party_.Counts();
    const double batches = now.batches - before_.batches;
    if (batches == 0) return "cloud";
    return fmt::format("cloud: {:.0f} batches, {:.1f} tokens and {:.2f} devices each", batches,
                       (now.tokens - before_.tokens) / batches,
                       (now.sequences - before_.sequences) / batches);
  }

  DemoParty& party_;
  DemoView& view_;
  const std::chrono::milliseconds pause_;
  const CloudCounts before_;
  std::vector<DemoAnswer> answers_;
  std::vector<Step> steps_;
  std::vector<ShownAnswer> shown_;
};

// What the user types for each device; none: no more.
std::optional<std::vector<std::string>> TypedPrompts(size_t& example) {
  std::vector<std::string> prompts;
  for (int d = 0; d < kDevices; ++d) {
    PrintResult(fmt::format("device-{}> ", d));
    std::string prompt;
    if (!std::getline(std::cin, prompt)) {
      PrintResult("\n");
      return std::nullopt;
    }
    if (!IsUtf8(prompt)) {
      PrintResult("that is not UTF-8\n");
      --d;
      continue;
    }
    if (prompt.empty()) prompt = kDemoExamples[example++ % std::size(kDemoExamples)];
    prompts.push_back(prompt);
  }
  return prompts;
}

int Play(DemoVerbOptions& options) {
  for (const std::string& prompt : options.prompts) {
    if (!IsUtf8(prompt)) throw InputError("--prompt must be UTF-8");
  }
  CatchInterrupts();
  SayLine(fmt::format("hat demo: starts a cloud and {} devices", kDevices));
  DemoParty party(options, kDevices);
  const bool has_colours = HasColours();
  const std::unique_ptr<DemoView> view = has_colours ? MakeTerminalView() : MakePlainView();
  const std::chrono::milliseconds pause(has_colours ? options.pause_ms : 0);
  if (!options.prompts.empty()) {
    options.prompts.resize(kDevices, options.prompts.front());
    return Turn(party, *view, pause, options.prompts).Play() ? 0 : 1;
  }
  SayLine("Type a prompt for each; an empty line takes an example, Ctrl-D ends.");
  SayLine(fmt::format("The cloud's figures: http://127.0.0.1:{}/metrics", party.metrics_port()));
  size_t example = 0;
  while (const auto prompts = TypedPrompts(example)) Turn(party, *view, pause, *prompts).Play();
  return 0;
}

}  // namespace

int DemoVerb(CommandLine& line) {
  DemoVerbOptions options;
  AddOptions(line, options);
  line.Parse();
  return Play(options);
}

}  // namespace hat
