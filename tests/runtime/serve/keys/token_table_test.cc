#include "runtime/serve/keys/token_table.h"

#include <gmock/gmock.h>

#include "core/files.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf, testing::HasSubstr, testing::Not, testing::Optional;

std::string Token(char digit) { return std::string(kTokenDigits, digit); }

TEST(TokenTableTest, FindsWhoseTokenItIsAndNothingElse) {
  TokenTable table;
  table.Set("a", Token('a'));
  table.Set("b", Token('b'));
  EXPECT_THAT(table.Find(Token('a')), Optional(0));
  EXPECT_THAT(table.Find(Token('b')), Optional(1));
  for (const std::string& other :
       {Token('c'), std::string(), Token('a') + "a", Token('a') + "\n", Token('A'),
        Token('a').substr(1), table.devices()[0].token_sha256, std::string(64, '\0')}) {
    EXPECT_EQ(table.Find(other), std::nullopt) << other;
  }
  EXPECT_EQ(TokenTable().Find(Token('a')), std::nullopt);
}

TEST(TokenTableTest, AFileHoldsHashesAndNoToken) {
  TokenTable table;
  table.Set("a", Token('a'));
  EXPECT_THAT(table.Csv(),
              AllOf(HasSubstr("\na," + Sha256Hex(Token('a')) + "\n"), Not(HasSubstr(Token('a')))));
  EXPECT_THAT(TokenTable::Parse(table.Csv(), "t.csv").Find(Token('a')), Optional(0));
}

TEST(TokenTableTest, ANewTokenTakesTheOldOnesPlace) {
  TokenTable table;
  for (const char* name : {"a", "b"}) table.Set(name, Token(*name));
  table.Set("a", Token('c'));
  EXPECT_EQ(table.Find(Token('a')), std::nullopt);
  EXPECT_THAT(table.Find(Token('c')), Optional(0));
  EXPECT_THAT(table.IndexOf("b"), Optional(1));
}

TEST(TokenTableTest, RefusesRowsThatNameNoDevice) {
  const std::string hash = Sha256Hex("x"), row = "a," + hash + "\n";
  const auto parse = [](const std::string& rows) {
    return TokenTable::Parse("device,token_sha256\n" + rows, "t.csv");
  };
  EXPECT_EQ(parse(row).devices().size(), 1u);
  EXPECT_EQ(parse("").devices().size(), 0u);
  EXPECT_INPUT_ERROR(parse("a,b\n"),
                     AllOf(HasSubstr("t.csv:2: 'token_sha256'"), HasSubstr("64 digits")));
  EXPECT_INPUT_ERROR(parse("a," + std::string(64, 'F') + "\n"), HasSubstr("64 digits"));
  EXPECT_INPUT_ERROR(parse("../a," + hash + "\n"), HasSubstr("t.csv:2: 'device' must be 1 to 64"));
  EXPECT_INPUT_ERROR(parse(row + "a," + Sha256Hex("y") + "\n"),
                     HasSubstr("'device' must be named"));
  EXPECT_INPUT_ERROR(parse(row + "b," + hash + "\n"), HasSubstr("'token_sha256' must be of one"));
  EXPECT_INPUT_ERROR(TokenTable::Parse("device\na\n", "t.csv"), HasSubstr("token_sha256"));
}

TEST(TokenTableTest, ADevicesNameIsOneForAFolder) {
  for (const char* name : {"a", "device-0", "Orin_3.lab", "0"}) {
    EXPECT_EQ(DeviceNameProblem(name), "") << name;
  }
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".a"), std::string("-a"), std::string("a/b"),
        std::string("a b"), std::string("a,b"), std::string("\xc3\xa4"), std::string("ca"),
        std::string("cloud"), std::string(65, 'a')}) {
    EXPECT_NE(DeviceNameProblem(name), "") << name;
  }
}

}  // namespace
}  // namespace hat
