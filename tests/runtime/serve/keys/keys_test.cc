// Folders of keys: made, read, spoiled.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <thread>

#include "core/files.h"
#include "runtime/serve/keys/make_keys.h"
#include "runtime/serve/keys/read_keys.h"
#include "runtime/serve/keys/show_keys.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using testing::AllOf, testing::Each, testing::ElementsAre, testing::EndsWith, testing::Field;
using testing::HasSubstr, testing::Not, testing::Optional;

class KeysTest : public testing::Test {
 protected:
  KeysTest() { Make("keys"); }

  void Make(const std::string& name, std::chrono::sys_seconds now = Now()) const {
    KeysPlan plan;
    plan.devices = {"device-0", "orin"};
    plan.now = now;
    MakeKeys(temp_ / name, plan);
  }
  void Chmod(const std::string& name, unsigned mode) const {
    fs::permissions(temp_ / name, static_cast<fs::perms>(mode));
  }
  // Puts that content there, as its owner's alone.
  void Spoil(const std::string& name, const std::string& content) const {
    WriteFileAtomically(temp_ / name, content, Readers::kOwner);
  }

  const TempFolder temp_;
  const std::string cloud_ = temp_ / "keys/cloud", device_ = temp_ / "keys/orin";
};

TEST_F(KeysTest, ACloudKnowsItsDevices) {
  const CloudKeys cloud = ReadCloudKeys(cloud_);
  const DeviceKeys device = ReadDeviceKeys(device_);
  EXPECT_EQ(device.name, "orin");
  EXPECT_EQ(device.ca_pem, cloud.ca_pem);
  EXPECT_THAT(cloud.tokens.Find(device.token), Optional(1));
  EXPECT_THAT(cloud.tokens.Find(ReadDeviceKeys(temp_ / "keys/device-0").token), Optional(0));
  EXPECT_EQ(cloud.tokens.devices()[1].name, "orin");
  const auto days = std::chrono::round<std::chrono::days>(device.valid_until - Now()).count();
  EXPECT_EQ(days, kDefaultKeyDays);
  EXPECT_EQ(cloud.valid_until, device.valid_until);
}

TEST_F(KeysTest, ACloudKnowsAsManyDevicesAsKeysAreMadeFor) {
  std::string table = "device,token_sha256\n";
  for (int i = 0; i < 10'000; ++i) table += fmt::format("d{:063},{:064x}\n", i, i);
  Spoil("keys/cloud/tokens.csv", table);
  EXPECT_EQ(ReadCloudKeys(cloud_).tokens.devices().size(), 10'000U);
}

TEST_F(KeysTest, EachFolderIsCompleteAndItsOwnersAlone) {
  std::string seen;
  for (const auto& entry : fs::recursive_directory_iterator(temp_ / "keys")) {
    const bool is_folder = entry.is_directory();
    EXPECT_EQ(static_cast<unsigned>(entry.status().permissions()), is_folder ? 0700u : 0600u)
        << entry.path();
  }
  const auto list = [&](const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
      names.push_back(entry.path().filename());
    }
    return names;
  };
  using testing::UnorderedElementsAre;
  EXPECT_THAT(list(temp_ / "keys"), UnorderedElementsAre("ca", "cloud", "device-0", "orin"));
  EXPECT_THAT(list(cloud_),
              UnorderedElementsAre("ca.pem", "certificate.pem", "key.pem", "tokens.csv"));
  EXPECT_THAT(list(device_), UnorderedElementsAre("ca.pem", "certificate.pem", "key.pem", "token"));
  EXPECT_EQ(static_cast<unsigned>(fs::status(temp_ / "keys").permissions()), 0700u);
}

TEST_F(KeysTest, ACopyWorksAnywhere) {
  fs::copy(device_, temp_ / "elsewhere");
  fs::remove_all(temp_ / "keys");
  EXPECT_EQ(ReadDeviceKeys(temp_ / "elsewhere").name, "orin");
}

TEST_F(KeysTest, NeitherTokensNorKeysReachTheOtherSide) {
  const DeviceKeys device = ReadDeviceKeys(device_);
  for (const auto& entry : fs::recursive_directory_iterator(cloud_)) {
    EXPECT_THAT(ReadFile(entry.path()), Not(HasSubstr(device.token))) << entry.path();
  }
  const std::string authority = ReadFile(temp_ / "keys/ca/key.pem");
  for (const std::string& folder : {cloud_, device_}) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      EXPECT_NE(ReadFile(entry.path()), authority) << entry.path();
    }
  }
}

TEST_F(KeysTest, WhatOthersMayReadOrWriteIsRefusedWithTheCommand) {
  Chmod("keys/orin/key.pem", 0644);
  EXPECT_INPUT_ERROR(ReadDeviceKeys(device_),
                     AllOf(HasSubstr("others may read '" + device_ + "/key.pem' (mode 0644)"),
                           EndsWith("run: chmod 600 '" + device_ + "/key.pem'")));
  Chmod("keys/orin/key.pem", 0600);
  Chmod("keys/orin/token", 0640);
  EXPECT_INPUT_ERROR(ReadDeviceKeys(device_), EndsWith("chmod 600 '" + device_ + "/token'"));
  Chmod("keys/cloud/key.pem", 0604);
  EXPECT_INPUT_ERROR(ReadCloudKeys(cloud_), EndsWith("chmod 600 '" + cloud_ + "/key.pem'"));
  Chmod("keys/cloud/key.pem", 0400);
  for (const char* name : {"ca.pem", "certificate.pem", "tokens.csv"}) {
    const std::string path = std::string("keys/cloud/") + name;
    Chmod(path, 0644);
    EXPECT_NO_THROW(ReadCloudKeys(cloud_));
    Chmod(path, 0664);
    EXPECT_INPUT_ERROR(ReadCloudKeys(cloud_), EndsWith("chmod go-w '" + (temp_ / path) + "'"));
    Chmod(path, 0600);
  }
  Chmod("keys/cloud", 0777);
  EXPECT_INPUT_ERROR(ReadCloudKeys(cloud_), EndsWith("chmod go-w '" + cloud_ + "'"));
}

TEST_F(KeysTest, AMissingFileIsNamed) {
  for (const char* name : {"ca.pem", "certificate.pem", "key.pem"}) {
    const std::string path = device_ + "/" + name, kept = temp_ / "kept";
    fs::rename(path, kept);
    EXPECT_INPUT_ERROR(ReadDeviceKeys(device_),
                       "cannot read '" + path + "': No such file or directory");
    fs::rename(kept, path);
  }
  fs::remove(device_ + "/token");
  EXPECT_INPUT_ERROR(ReadDeviceKeys(device_), HasSubstr("has no token"));
}

TEST_F(KeysTest, AnotherFolderThanMeantIsRecognized) {
  EXPECT_INPUT_ERROR(ReadCloudKeys(device_), EndsWith("this is the folder of a device"));
  EXPECT_INPUT_ERROR(ReadDeviceKeys(cloud_), EndsWith("this is the folder of a cloud"));
  EXPECT_INPUT_ERROR(ReadCloudKeys(temp_ / "keys"), EndsWith("give " + cloud_));
  EXPECT_INPUT_ERROR(ReadDeviceKeys(temp_ / "keys"), EndsWith("give " + (temp_ / "keys/device-0")));
  EXPECT_INPUT_ERROR(ReadCloudKeys(temp_.path()), EndsWith("'hat keys init' makes it"));
  EXPECT_INPUT_ERROR(ReadCloudKeys(temp_ / "none"), HasSubstr("does not exist"));
  EXPECT_INPUT_ERROR(ReadCloudKeys("~/keys"), HasSubstr("begins with '~'"));
}

TEST_F(KeysTest, OutsideItsTimeACertificateIsRefusedWithTheDate) {
  const auto day = std::chrono::days(1);
  const auto old = Now() - 400 * day, ahead = Now() + 2 * day;
  Make("old", old);
  Make("ahead", ahead);
  EXPECT_INPUT_ERROR(
      ReadCloudKeys(temp_ / "old/cloud"),
      AllOf(HasSubstr("old/cloud/certificate.pem' has expired"),
            HasSubstr("until " + DateText(old + std::chrono::days(kDefaultKeyDays)))));
  EXPECT_INPUT_ERROR(ReadDeviceKeys(temp_ / "ahead/orin"),
                     AllOf(HasSubstr("ahead/orin/ca.pem' is not valid yet"),
                           HasSubstr("from " + DateText(ahead - kClockSlack))));
  Make("ancient", Now() - std::chrono::days(kMaxKeyDays + 1));
  EXPECT_INPUT_ERROR(ReadDeviceKeys(temp_ / "ancient/orin"),
                     HasSubstr("ancient/orin/ca.pem' has expired"));
}

TEST_F(KeysTest, AnotherCloudsKeysAreRefused) {
  Make("other");
  for (const char* role : {"cloud", "orin"}) {
    fs::copy_file(temp_ / "other/" + role + "/ca.pem", temp_ / "keys/" + role + "/ca.pem",
                  fs::copy_options::overwrite_existing);
  }
  EXPECT_INPUT_ERROR(ReadCloudKeys(cloud_), HasSubstr("cloud/certificate.pem' is of another CA"));
  EXPECT_INPUT_ERROR(ReadDeviceKeys(device_), HasSubstr("orin/certificate.pem' is of another CA"));
  Spoil("keys/orin/ca.pem", ReadFile(temp_ / "keys/ca/certificate.pem"));
  Spoil("keys/orin/key.pem", ReadFile(temp_ / "keys/device-0/key.pem"));
  EXPECT_INPUT_ERROR(ReadDeviceKeys(device_), HasSubstr("is the key of another certificate"));
}

TEST_F(KeysTest, ASpoiledTokenIsRefusedAndNotRepeated) {
  const std::string token = ReadDeviceKeys(device_).token;
  for (const std::string& bad : {std::string(), token.substr(1), token + "0", "G" + token.substr(1),
                                 " " + token, token + "\n" + token}) {
    Spoil("keys/orin/token", bad);
    EXPECT_INPUT_ERROR(ReadDeviceKeys(device_), AllOf(HasSubstr("orin/token' must hold a token"),
                                                      Not(HasSubstr(token.substr(1)))));
  }
  Spoil("keys/orin/token", token);
  EXPECT_EQ(ReadDeviceKeys(device_).token, token);
  std::string changed = token;
  changed[0] = changed[0] == '0' ? '1' : '0';
  EXPECT_EQ(ReadCloudKeys(cloud_).tokens.Find(changed), std::nullopt);
}

TEST_F(KeysTest, AFurtherDeviceIsKnownToo) {
  AddDeviceKeys(temp_ / "keys", "late", 30);
  const DeviceKeys late = ReadDeviceKeys(temp_ / "keys/late");
  EXPECT_THAT(ReadCloudKeys(cloud_).tokens.Find(late.token), Optional(2));
  EXPECT_EQ(std::chrono::round<std::chrono::days>(late.valid_until - Now()).count(), 30);
  EXPECT_EQ(static_cast<unsigned>(fs::status(cloud_ + "/tokens.csv").permissions()), 0600u);
}

TEST_F(KeysTest, ADeviceGetsNewKeysOnlyByForce) {
  const std::string old = ReadDeviceKeys(device_).token;
  EXPECT_INPUT_ERROR(AddDeviceKeys(temp_ / "keys", "orin"), HasSubstr("has keys already"));
  fs::remove_all(device_);  // on its machine now
  EXPECT_INPUT_ERROR(AddDeviceKeys(temp_ / "keys", "orin"), HasSubstr("has keys already"));
  AddDeviceKeys(temp_ / "keys", "orin", 1, /*replace=*/true);
  AddDeviceKeys(temp_ / "keys", "orin", 1, /*replace=*/true);
  const TokenTable tokens = ReadCloudKeys(cloud_).tokens;
  EXPECT_EQ(tokens.Find(old), std::nullopt);
  EXPECT_THAT(tokens.Find(ReadDeviceKeys(device_).token), Optional(1));
}

TEST_F(KeysTest, DevicesThatAreAddedAtOnceAreAllKnown) {
  std::vector<std::jthread> threads;
  for (const std::string name : {"a", "b", "c", "d", "e", "f"}) {
    threads.emplace_back([this, name] { AddDeviceKeys(temp_ / "keys", name); });
  }
  threads.clear();
  const TokenTable tokens = ReadCloudKeys(cloud_).tokens;
  EXPECT_EQ(tokens.devices().size(), 8u);
  for (const std::string name : {"a", "b", "c", "d", "e", "f"}) {
    EXPECT_EQ(tokens.Find(ReadDeviceKeys(temp_ / "keys/" + name).token), tokens.IndexOf(name));
  }
}

TEST_F(KeysTest, ACertificateEndsBeforeItsAuthority) {
  const auto late = Now() + std::chrono::days(kMaxKeyDays - 10);
  EXPECT_INPUT_ERROR(AddDeviceKeys(temp_ / "keys", "late", 30, false, late),
                     HasSubstr("--days 30 is more than the CA of"));
  EXPECT_NO_THROW(AddDeviceKeys(temp_ / "keys", "late", 9, false, late));
}

TEST_F(KeysTest, KeysAreReplacedOnlyByForceAndNothingElseIs) {
  EXPECT_INPUT_ERROR(Make("keys"), HasSubstr("exists and is not empty"));
  KeysPlan plan;
  MakeKeys(temp_ / "keys", plan, /*replace=*/true);
  EXPECT_EQ(ReadCloudKeys(cloud_).tokens.devices().size(), 0u);
  fs::create_directory(temp_ / "precious");
  WriteFileAtomically(temp_ / "precious/file", "x");
  EXPECT_INPUT_ERROR(MakeKeys(temp_ / "precious", plan, true), HasSubstr("holds no ca/key.pem"));
  EXPECT_EQ(ReadFile(temp_ / "precious/file"), "x");
}

TEST_F(KeysTest, ShowsWhatThereIsAndWhatCannotBeUsed) {
  AddDeviceKeys(temp_ / "keys", "a");
  const auto folders = [](const std::vector<ShownKeys>& all) {
    std::vector<std::string> names;
    for (const ShownKeys& shown : all) names.push_back(shown.folder);
    return names;
  };
  EXPECT_THAT(folders(ShowKeys(temp_ / "keys")),
              ElementsAre("ca", "cloud", "device-0", "orin", "a"));
  EXPECT_THAT(ShowKeys(temp_ / "keys"), Each(Field(&ShownKeys::problem, "")));
  EXPECT_EQ(ShowKeys(cloud_).front().what, "3 devices");
  EXPECT_EQ(ShowKeys(device_).front().facts.name, "orin");
  Spoil("keys/a/token", ReadFile(device_ + "/token"));
  Chmod("keys/ca/key.pem", 0644);
  const std::vector<ShownKeys> spoiled = ShowKeys(temp_ / "keys");
  EXPECT_THAT(spoiled.front().problem, HasSubstr("others may read"));
  EXPECT_THAT(spoiled.back().problem, HasSubstr("another token for 'a'"));
  EXPECT_INPUT_ERROR(ShowKeys(temp_.path()), HasSubstr("holds neither"));
}

}  // namespace
}  // namespace hat
