// What every program's main does around its work: the command line, failures, exit codes. The verbs
// of `hat` are found by cli/verbs.h.
//
//   int main(int argc, char** argv) {
//     return hat::RunMain(argc, argv, [](hat::CommandLine& line) {
//       std::string scenario;
//       line.description("Simulates one scenario");
//       line.add_option("scenario", scenario, "a TOML file")->required();
//       line.Parse();
//       ...
//       return 0;
//     });
//   }
#pragma once

#include <CLI/CLI.hpp>
#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/interrupt.h"

namespace hat {

// What is wrong with the text of a number option, "" if nothing is. An integer is decimal digits
// without a leading zero, '-' in front of a negative one; a number is decimal and finite. (CLI11
// itself reads 010 as 8, 0x10 as 16, and nan as a number within any range.)
std::string MistakeInInteger(const std::string& text);
std::string MistakeInNumber(const std::string& text);

// The program's options, and its arguments.
class CommandLine : public CLI::App {
  template <class T>
  struct ElementOf {
    using type = T;
  };
  template <class T>
  struct ElementOf<std::optional<T>> : ElementOf<T> {};
  template <class T>
  struct ElementOf<std::vector<T>> : ElementOf<T> {};

 public:
  CommandLine(int argc, char** argv);

  // As CLI11's, but strict about numbers.
  template <class T>
  CLI::Option* add_option(const std::string& name, T& variable, const std::string& text) {
    using Element = typename ElementOf<T>::type;
    CLI::Option* const option = CLI::App::add_option(name, variable, text);
    if constexpr (std::integral<Element>) option->check(MistakeInInteger);
    if constexpr (std::floating_point<Element>) option->check(MistakeInNumber);
    return option;
  }

  // Reads the arguments into the options; an empty one is a mistake. --help, --version and mistakes
  // leave by an exception that RunMain handles.
  void Parse();

 private:
  int argc_;
  char** argv_;
};

// The name of a program in its messages, from argv[0]: "hat bench sim" for
// "build/release/bin/hat-bench-sim".
std::string CommandName(const std::string& program_path);

// "hat 0.1.0 (1f0c...)": the version of CMakeLists.txt, and the commit as BuildCommit() says it.
std::string VersionText();

// Runs the body and returns the program's exit code: the body's own; 0 after --help; 2 after a
// mistake on the command line or an InputError; 1 after a RunError, any other exception, or if
// stdout could not be written. A failure is one line on stderr: "hat simulate: <message>", without
// control characters and shortened if it is very long. SIGPIPE is ignored, so that a closed stdout
// is such a failure too.
int RunMain(int argc, char** argv, const std::function<int(CommandLine&)>& body);

}  // namespace hat
