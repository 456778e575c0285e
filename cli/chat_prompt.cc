#include "cli/chat_prompt.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "cli/shipped.h"
#include "core/child_processes.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/scratch_folder.h"
#include "core/strict_json.h"
#include "core/utf8.h"

namespace hat {
namespace {

using nlohmann::json;

constexpr const char* kShipped = "chatml, llama-2, llama-3, vicuna";

constexpr const char* kConfig = "tokenizer_config.json";

// Without its members that are null; empty where there is none.
json TokenizerConfig(const std::string& folder) {
  const std::string path = folder + "/" + kConfig;
  return IsThere(path) ? WithoutNulls(ParseJson(ReadFile(path), path)) : json::object();
}

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

bool HasChatTemplate(const std::string& folder) {
  try {
    return IsThere(folder + "/chat_template.jinja") ||
           TokenizerConfig(folder).contains("chat_template");
  } catch (const InputError&) {
    return false;
  }
}

std::vector<std::string> ChatPrompts(const std::string& folder, const std::string& given,
                                     const std::vector<std::string>& users) {
  const std::string path = folder + "/" + kConfig;
  const json document = TokenizerConfig(folder);
  const JsonNode config(document, path);
  const Template chosen = given.empty() ? OwnTemplate(folder, config, path) : GivenTemplate(given);
  json conversations = json::array();
  for (const std::string& user : users) {
    if (!IsUtf8(user)) throw InputError("the text is not UTF-8");
    conversations.push_back({{{"role", "user"}, {"content", user}}});
  }
  const json request = {{"template", chosen.text},
                        {"conversations", std::move(conversations)},
                        {"tokens", TokensOf(config)}};
  const ScratchFolder scratch("hat-chat");
  const std::string answer = scratch / "prompts.json";
  WriteFileAtomically(scratch / "request.json", request.dump());
  const EndedChild ended = RunChild({HAT_PYTHON, "-B", ShareFolder() + "/models/chat/render.py",
                                     scratch / "request.json", answer});
  if (IsInterrupted()) throw RunError("interrupted");
  if (ended.exit_code != 0) {
    throw InputError(fmt::format("{}: the chat template fails: {}", chosen.from, ended.last_error));
  }
  const json prompts = ParseJson(ReadFile(answer), answer);
  std::vector<std::string> texts;
  for (const JsonNode& prompt : JsonNode(prompts, answer).Items()) texts.push_back(prompt.String());
  return texts;
}

std::string ChatPrompt(const std::string& folder, const std::string& given,
                       const std::string& user) {
  return ChatPrompts(folder, given, {user}).at(0);
}

}  // namespace hat
