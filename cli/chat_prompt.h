// What a user says, in the form in which a model was taught to answer.
#pragma once

#include <string>
#include <vector>

namespace hat {

// Has the checkpoint a chat template of its own? No, where its files cannot be read.
bool HasChatTemplate(const std::string& folder);

// The prompt of each user's turn, a conversation each, up to where the answer begins. `given`: the
// file of a Jinja template or the name of a shipped one; empty: the checkpoint's own
// (chat_template.jinja, or the key of tokenizer_config.json). Throws InputError: there is none, or
// it fails on a turn.
std::vector<std::string> ChatPrompts(const std::string& folder, const std::string& given,
                                     const std::vector<std::string>& users);
std::string ChatPrompt(const std::string& folder, const std::string& given,
                       const std::string& user);

}  // namespace hat
