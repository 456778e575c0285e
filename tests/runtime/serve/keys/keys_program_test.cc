// hat keys init, add, show, as a user runs them; what they make, as the program openssl judges it.
#include <gmock/gmock.h>

#include <filesystem>

#include "core/files.h"
#include "runtime/serve/keys/read_keys.h"
#include "tests/core/program_run.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using testing::AllOf, testing::HasSubstr, testing::IsEmpty, testing::StartsWith;

class KeysProgramTest : public testing::Test {
 protected:
  ProgramRun Hat(const std::string& words) const {
    std::vector<std::string> command = {HAT_BIN_DIR "/hat", "keys"};
    for (const std::string& word : Words(words)) {
      command.push_back(word == "KEYS" ? temp_ / "keys" : word);
    }
    return RunProgram(command);
  }

  const TempFolder temp_;
};

TEST_F(KeysProgramTest, FromNothingToADeviceThatTheCloudKnows) {
  const ProgramRun init = Hat("init --out KEYS --devices 2 --host lab.example --host 10.0.0.7");
  ASSERT_EQ(init.exit_code, 0) << init.err;
  EXPECT_THAT(init.out, IsEmpty());
  EXPECT_THAT(init.err, StartsWith("wrote "));
  ASSERT_EQ(Hat("add orin --keys KEYS --days 7").exit_code, 0);
  const ProgramRun show = Hat("show KEYS");
  EXPECT_EQ(show.exit_code, 0) << show.out;
  EXPECT_THAT(show.out,
              AllOf(HasSubstr("cloud (3 devices)"), HasSubstr("device-1"),
                    HasSubstr("orin (device)"), HasSubstr("may be called lab.example, 10.0.0.7")));
  EXPECT_TRUE(
      ReadCloudKeys(temp_ / "keys/cloud").tokens.Find(ReadDeviceKeys(temp_ / "keys/orin").token));
}

TEST_F(KeysProgramTest, ShowFailsWhereAPartCannotBeUsed) {
  ASSERT_EQ(Hat("init --out KEYS").exit_code, 0);
  fs::permissions(temp_ / "keys/device-0/key.pem", fs::perms::others_read, fs::perm_options::add);
  const ProgramRun show = Hat("show KEYS");
  EXPECT_EQ(show.exit_code, 1);
  EXPECT_THAT(show.out, HasSubstr("device-0 cannot be used: others may read"));
}

TEST_F(KeysProgramTest, BadInputIsOneLineAndLeavesNothing) {
  const auto refuses = [&](const std::string& words, const std::string& what) {
    ExpectRefusal(Hat(words), "hat keys ", what);
    EXPECT_THAT(temp_.List(), IsEmpty()) << words;
  };
  refuses("init", "--out is required");
  refuses("init --out KEYS --devices -1", "--devices");
  refuses("init --out KEYS --devices 10001", "not in range");
  refuses("init --out KEYS --devices 2 --device a", "--device");
  refuses("init --out KEYS --device a --device a", "named twice");
  refuses("init --out KEYS --device cloud", "'cloud'");
  refuses("init --out KEYS --device ../a", "'../a'");
  refuses("init --out KEYS --host lab:50051", "without a port");
  refuses("init --out KEYS --days 0", "not in range");
  refuses("init --out KEYS --days 3651", "not in range");
  refuses("add a --keys KEYS", "'hat keys init' makes it");
  refuses("add --keys KEYS", "name is required");
  refuses("show KEYS", "holds neither");
}

TEST_F(KeysProgramTest, ExistingKeysAreKept) {
  ASSERT_EQ(Hat("init --out KEYS").exit_code, 0);
  const std::string key = ReadFile(temp_ / "keys/ca/key.pem");
  ExpectRefusal(Hat("init --out KEYS"), "hat keys init: ", "exists and is not empty");
  ExpectRefusal(Hat("add device-0 --keys KEYS"), "hat keys add: ", "has keys already");
  EXPECT_EQ(ReadFile(temp_ / "keys/ca/key.pem"), key);
  ASSERT_EQ(Hat("init --out KEYS --force").exit_code, 0);
  EXPECT_NE(ReadFile(temp_ / "keys/ca/key.pem"), key);
}

TEST_F(KeysProgramTest, OpensslSaysTheSame) {
  if (!fs::exists("/usr/bin/openssl")) GTEST_SKIP() << "there is no program openssl";
  ASSERT_EQ(Hat("init --out KEYS --host lab.example --host ::1").exit_code, 0);
  const auto openssl = [&](const std::string& words) {
    std::vector<std::string> command = {"openssl"};
    for (const std::string& word : Words(words)) {
      const bool is_file = word.find(".pem") != std::string::npos;
      command.push_back(is_file ? temp_ / "keys/" + word : word);
    }
    return RunProgram(command);
  };
  const auto verify = [&](const std::string& words) {
    return openssl("verify -x509_strict -CAfile " + words).exit_code;
  };
  EXPECT_EQ(verify("cloud/ca.pem -purpose sslserver cloud/certificate.pem"), 0);
  EXPECT_EQ(verify("cloud/ca.pem -purpose sslclient device-0/certificate.pem"), 0);
  EXPECT_EQ(verify("cloud/ca.pem -verify_hostname lab.example cloud/certificate.pem"), 0);
  EXPECT_EQ(verify("cloud/ca.pem -verify_ip ::1 cloud/certificate.pem"), 0);
  EXPECT_NE(verify("cloud/ca.pem -purpose sslserver device-0/certificate.pem"), 0);
  EXPECT_NE(verify("cloud/ca.pem -verify_hostname localhost cloud/certificate.pem"), 0);
  EXPECT_NE(verify("device-0/certificate.pem device-0/certificate.pem"), 0);
  EXPECT_THAT(openssl("pkey -noout -text -in device-0/key.pem").out,
              HasSubstr("NIST CURVE: P-256"));
  EXPECT_THAT(openssl("x509 -noout -text -in ca/certificate.pem").out,
              AllOf(HasSubstr("CA:TRUE, pathlen:0"), HasSubstr("ecdsa-with-SHA256")));
}

}  // namespace
}  // namespace hat
