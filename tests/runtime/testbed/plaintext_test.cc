// What a device and a cloud say to each other while a prompt is answered, as it is before TLS hides
// it: nothing of the prompt's and the answer's tokens or text.
#include <gmock/gmock.h>

#include <array>
#include <bit>
#include <map>
#include <set>
#include <span>
#include <string_view>

#include "runtime/tokenizer/tokenizer.h"
#include "tests/runtime/testbed/heard_messages.h"
#include "tests/runtime/testbed/served_rig.h"

namespace hat {
namespace {

constexpr size_t kRun = 4;        // ids in a row
constexpr size_t kTextBytes = 8;  // of a text in a row
constexpr int kAnswerTokens = 120;

template <typename Word>
void AppendBytes(Word word, std::endian order, std::string& bytes) {
  for (size_t i = 0; i < sizeof(Word); ++i) {
    const size_t shift = 8 * (order == std::endian::little ? i : sizeof(Word) - 1 - i);
    bytes.push_back(static_cast<char>(word >> shift));
  }
}

void AppendVarint(uint32_t value, std::string& bytes) {
  for (; value >= 128; value >>= 7) bytes.push_back(static_cast<char>(value | 128));
  bytes.push_back(static_cast<char>(value));
}

// The ids one after the other, in the ways that a program may write them.
std::array<std::string, 7> Spellings(std::span<const int32_t> ids) {
  std::array<std::string, 7> spelt;
  for (const int32_t id : ids) {
    size_t way = 0;
    for (const std::endian order : {std::endian::little, std::endian::big}) {
      AppendBytes(static_cast<uint16_t>(id), order, spelt[way++]);
      AppendBytes(static_cast<uint32_t>(id), order, spelt[way++]);
      AppendBytes(static_cast<uint64_t>(id), order, spelt[way++]);
    }
    AppendVarint(static_cast<uint32_t>(id), spelt[way]);
  }
  return spelt;
}

// What must not be seen: each run of kRun ids in each spelling, and each kTextBytes of the text.
class Secrets {
 public:
  void AddIds(std::span<const int32_t> ids) {
    for (size_t i = 0; i + kRun <= ids.size(); ++i) {
      for (std::string& spelt : Spellings(ids.subspan(i, kRun))) Add(std::move(spelt));
    }
  }
  void AddText(const std::string& text) {
    for (size_t i = 0; i + kTextBytes <= text.size(); ++i) Add(text.substr(i, kTextBytes));
  }

  // Of them, those in `message`.
  std::vector<std::string> In(std::string_view message) const {
    std::vector<std::string> found;
    for (const auto& [size, secrets] : by_size_) {
      for (size_t i = 0; i + size <= message.size(); ++i) {
        const auto at = secrets.find(message.substr(i, size));
        if (at != secrets.end()) found.push_back(*at);
      }
    }
    return found;
  }

 private:
  void Add(std::string secret) { by_size_[secret.size()].insert(std::move(secret)); }

  std::map<size_t, std::set<std::string, std::less<>>> by_size_;
};

class PlaintextTest : public testing::Test {
 protected:
  const Tokenizer tokenizer_{"models/small/tokenizer.model", 2048};
  const std::string text_ = "And the king said unto the captains of the guard, Bring them forth.";
};

TEST_F(PlaintextTest, NoMessageHoldsIdsOrText) {
  std::vector<int32_t> known = tokenizer_.Encode(text_);
  known.insert(known.begin(), 1);
  ServedRig rig({});
  HeardMessages();
  const std::vector<int32_t> answer = rig.Answer(0, known, kAnswerTokens);
  ASSERT_EQ(answer.size(), size_t{kAnswerTokens});
  Secrets secrets;
  known.insert(known.end(), answer.begin(), answer.end());
  secrets.AddIds(known);
  secrets.AddText(text_ + tokenizer_.Decode(answer));
  size_t bytes = 0;
  for (const std::string& message : HeardMessages()) {
    EXPECT_THAT(secrets.In(message), testing::IsEmpty());
    bytes += message.size();
  }
  // It has been heard: at least the states of each position, both ways.
  EXPECT_GT(bytes, 2 * known.size() * rig.served_device.agreement().hidden * sizeof(float));
}

TEST_F(PlaintextTest, WhatWouldHoldThemIsSeen) {
  const std::vector<int32_t> ids = tokenizer_.Encode(text_);
  Secrets secrets;
  secrets.AddIds(ids);
  secrets.AddText(text_);
  for (const std::string& spelt : Spellings(std::span(ids).subspan(2, kRun))) {
    EXPECT_THAT(secrets.In("some bytes " + spelt + " and more"), testing::ElementsAre(spelt));
  }
  EXPECT_THAT(secrets.In("a prefix and the captains, at last"), testing::SizeIs(6));
}

}  // namespace
}  // namespace hat
