#include "cli/verbs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/child_processes.h"
#include "core/error.h"
#include "core/files.h"
#include "core/terminal_text.h"

namespace hat {
namespace {

// The arguments without the program's name.
std::span<char* const> ArgumentsOf(int argc, char** argv) {
  return std::span<char* const>(argv, static_cast<size_t>(argc)).subspan(1);
}

const Verb* FindVerb(std::span<const Verb> verbs, std::span<char* const> arguments) {
  const auto found = std::ranges::find_if(
      verbs, [&](const Verb& verb) { return WordsOf(verb.words, arguments) > 0; });
  return found == verbs.end() ? nullptr : &*found;
}

int Run(const Verb& verb, int argc, char** argv) {
  const int words = static_cast<int>(WordsOf(verb.words, ArgumentsOf(argc, argv)));
  std::string name = fmt::format("hat {}", verb.words);
  argv[words] = name.data();
  return RunMain(argc - words, argv + words, verb.run);
}

// As RunMain, for what is answered without a verb.
int Answer(char** argv, const std::function<int()>& body) {
  return RunMain(1, argv, [&](CommandLine&) { return body(); });
}

bool IsInstalled(std::string_view program) {
  return ::access(fmt::format("{}/{}", ProgramFolder(), program).c_str(), X_OK) == 0;
}

std::string Usage() {
  std::string text =
      "hat - split inference of large language models between devices and a cloud\n\n";
  std::vector<std::string_view> missing;
  for (const KnownVerb& verb : KnownVerbs()) {
    if (IsInstalled(verb.program)) {
      text += fmt::format("  hat {:<17}{}\n", verb.words, verb.purpose);
    } else {
      missing.push_back(verb.words);
    }
  }
  text += "\n'hat VERB --help' lists a verb's options.\n";
  if (missing.empty()) return text;
  return text + Paragraph("Not installed: ", fmt::format("{}.", fmt::join(missing, ", ")));
}

std::vector<std::string_view> SecondWordsOf(std::string_view first) {
  std::vector<std::string_view> verbs;
  for (const KnownVerb& verb : KnownVerbs()) {
    if (verb.words.starts_with(fmt::format("{} ", first))) verbs.push_back(verb.words);
  }
  return verbs;
}

std::string GroupHelp(std::string_view first) {
  std::string text;
  for (const KnownVerb& verb : KnownVerbs()) {
    if (!verb.words.starts_with(fmt::format("{} ", first))) continue;
    text += fmt::format("hat {:<17}{}\n", verb.words, verb.purpose);
  }
  return text + fmt::format("\n'hat {} WORD --help' lists the options of one.\n", first);
}

[[noreturn]] void RefuseVerb(std::span<char* const> arguments,
                             const std::vector<std::string_view>& known) {
  const std::string second = arguments.size() > 1 ? fmt::format(" {}", arguments[1]) : "";
  throw InputError(fmt::format("unknown verb '{}{}'; there are {}", arguments[0], second,
                               fmt::join(known, ", ")));
}

// Of arguments that begin with no verb.
int AnswerWithoutVerb(std::span<char* const> arguments) {
  const std::string_view first = arguments.empty() ? "help" : arguments[0];
  if (first == "help" || first == "-h" || first == "--help") return PrintResult(Usage()), 0;
  if (first == "--version") return PrintResult(VersionText() + "\n"), 0;
  const std::vector<std::string_view> group = SecondWordsOf(first);
  if (group.empty()) {
    std::vector<std::string_view> all;
    for (const KnownVerb& verb : KnownVerbs()) all.push_back(verb.words);
    RefuseVerb(arguments, all);
  }
  if (arguments.size() == 1) return std::fputs(GroupHelp(first).c_str(), stderr), 2;
  const std::string_view second = arguments[1];
  if (second == "-h" || second == "--help") return PrintResult(GroupHelp(first)), 0;
  RefuseVerb(arguments, group);
}

// Does not return.
int StartProgramOf(const KnownVerb& verb, std::span<char* const> arguments) {
  const std::string path = fmt::format("{}/{}", ProgramFolder(), verb.program);
  if (!IsInstalled(verb.program)) {
    const bool has_torch = verb.program == "hat-torch" || verb.program == "hat-live";
    throw RunError(fmt::format("'{}' is not installed: there is no {}{}", verb.words, path,
                               has_torch ? ", which needs libtorch" : ""));
  }
  const bool has_one_verb = verb.program.starts_with("hat-bench-");
  std::vector<char*> words = {const_cast<char*>(path.c_str())};
  const size_t skipped = has_one_verb ? WordsOf(verb.words, arguments) : 0;
  words.insert(words.end(), arguments.begin() + static_cast<ptrdiff_t>(skipped), arguments.end());
  words.push_back(nullptr);
  // libtorch's threads and its OpenBLAS's are two pools: one that spins while it waits keeps the
  // other from the cores.
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  ::execv(path.c_str(), words.data());
  throw RunError(fmt::format("cannot start '{}': {}", path, std::strerror(errno)));
}

}  // namespace

size_t WordsOf(std::string_view verb, std::span<char* const> arguments) {
  size_t words = 0;
  for (std::string_view rest = verb; !rest.empty(); ++words) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    if (words >= arguments.size() || word != arguments[words]) return 0;
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
  return words;
}

int RunVerb(int argc, char** argv, std::span<const Verb> verbs) {
  const std::span<char* const> arguments = ArgumentsOf(argc, argv);
  if (const Verb* const verb = FindVerb(verbs, arguments)) return Run(*verb, argc, argv);
  return Answer(argv, [&]() -> int {
    if (!arguments.empty() && std::string_view(arguments[0]) == "--version") {
      return PrintResult(VersionText() + "\n"), 0;
    }
    std::vector<std::string_view> known;
    for (const Verb& verb : verbs) known.push_back(verb.words);
    throw InputError(fmt::format("the first argument must be a verb: {}", fmt::join(known, ", ")));
  });
}

int RunHat(int argc, char** argv, std::span<const Verb> verbs) {
  const std::span<char* const> arguments = ArgumentsOf(argc, argv);
  if (const Verb* const verb = FindVerb(verbs, arguments)) return Run(*verb, argc, argv);
  return Answer(argv, [&] {
    const auto known = std::ranges::find_if(
        KnownVerbs(), [&](const KnownVerb& verb) { return WordsOf(verb.words, arguments) > 0; });
    return known == KnownVerbs().end() ? AnswerWithoutVerb(arguments)
                                       : StartProgramOf(*known, arguments);
  });
}

}  // namespace hat
