#include "cli/chat_prompt.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/shipped.h"
#include "core/child_processes.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/scratch_folder.h"
#include "core/strict_json.h"

namespace hat {
namespace {

using nlohmann::json;

constexpr const char* kShipped = "chatml, llama-2, llama-3, vicuna";

struct Template {
  std::string text;
  std::string from;  // for messages
};

// Of a list of named ones, the one for conversations.
std::string DefaultOf(const JsonNode& node) {
  if (!node.IsArray()) return node.String();
  for (const JsonNode& one : node.Items()) {
    if (one.At("name").String() == "default") return one.At("template").String();
  }
  node.Fail("must have one of the name \"default\"");
}

Template GivenTemplate(const std::string& given) {
  if (IsThere(given)) return {ReadFile(given), given};
  const std::string shipped = fmt::format("{}/models/chat/{}.jinja", ShareFolder(), given);
  if (given.find('/') == std::string::npos && IsThere(shipped)) return {ReadFile(shipped), given};
  throw InputError(fmt::format(
      "--chat-template takes the file of a Jinja template, or {}; got '{}'", kShipped, given));
}

Template OwnTemplate(const std::string& folder, const JsonNode& config, const std::string& path) {
  const std::string file = folder + "/chat_template.jinja";
  if (IsThere(file)) return {ReadFile(file), file};
  if (config.Has("chat_template")) return {DefaultOf(config.At("chat_template")), path};
  throw InputError(
      fmt::format("{}: has no chat template (chat_template.jinja, or 'chat_template' in "
                  "tokenizer_config.json); --chat-template takes a file, or {}",
                  folder, kShipped));
}

// "bos_token" and its like: the names that a template asks for.
json TokensOf(const JsonNode& config) {
  json tokens = json::object();
  for (const std::string& key : config.Keys()) {
    if (!key.ends_with("_token") || key.starts_with("add_")) continue;
    const JsonNode token = config.At(key);
    tokens[key] = token.Has("content") ? token.At("content").String() : token.String();
  }
  return tokens;
}

}  // namespace

std::string ChatPrompt(const std::string& folder, const std::string& given,
                       const std::string& user) {
  const std::string path = folder + "/tokenizer_config.json";
  json document = json::object();
  if (IsThere(path)) document = WithoutNulls(ParseJson(ReadFile(path), path));
  const JsonNode config(document, path);
  const Template chosen = given.empty() ? OwnTemplate(folder, config, path) : GivenTemplate(given);
  const json request = {{"template", chosen.text},
                        {"messages", {{{"role", "user"}, {"content", user}}}},
                        {"tokens", TokensOf(config)}};
  const ScratchFolder scratch("hat-chat");
  WriteFileAtomically(scratch / "request.json", request.dump());
  const EndedChild ended = RunChild({HAT_PYTHON, "-B", ShareFolder() + "/models/chat/render.py",
                                     scratch / "request.json", scratch / "prompt.txt"});
  if (IsInterrupted()) throw RunError("interrupted");
  if (ended.exit_code == 0) return ReadFile(scratch / "prompt.txt");
  throw InputError(fmt::format("{}: the chat template fails: {}", chosen.from, ended.last_error));
}

}  // namespace hat
