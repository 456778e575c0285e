// The verbs that a user may type after "hat", and how a program finds the one that it is to run.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/program.h"

namespace hat {

// What is known of a verb without its program.
struct KnownVerb {
  std::string_view words;    // "profile model"
  std::string_view program;  // that runs it, in the folder of the others
  std::string_view purpose;  // "computes a profile from published figures and a roofline"
};

// All of them in the order of their words. The script ./hat reads the same table.
std::span<const KnownVerb> KnownVerbs();

// A verb that a program runs itself.
struct Verb {
  std::string_view words;
  int (*run)(CommandLine&);
};

// How many of the arguments are the words of the verb: 0 if another one is meant.
size_t WordsOf(std::string_view verb, std::span<char* const> arguments);

// Main of a program that is started with a verb's words in front of its options, as
// `hat-torch train base --text x`. As RunMain, under the name "hat train base"; exit code 2 if the
// words are no verb of the program.
int RunVerb(int argc, char** argv, std::span<const Verb> verbs);

// Main of the program `hat`: runs its own verbs as RunVerb, and starts the program of any other in
// its place, which must lie in the same folder: exit code 1 if it does not. Without arguments, with
// --help, with --version, and with the first word alone of several verbs it answers itself.
int RunHat(int argc, char** argv, std::span<const Verb> verbs);

}  // namespace hat
