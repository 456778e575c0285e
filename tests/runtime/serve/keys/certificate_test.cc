#include "runtime/serve/keys/certificate.h"

#include <gmock/gmock.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf, testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;

class CertificateTest : public testing::Test {
 protected:
  // Throws what is wrong.
  void Check(const Credentials& own, KeyOwner role, std::chrono::sys_seconds at) const {
    CheckCredentials({"ca.pem", authority_.certificate_pem}, {"own.pem", own.certificate_pem},
                     {"key.pem", own.key_pem}, role, at);
  }

  const std::chrono::sys_seconds now_ = Now();
  const Validity validity_{now_ - std::chrono::hours(1), now_ + std::chrono::days(10)};
  const Credentials authority_ = MakeAuthority("authority", validity_);
  const Credentials cloud_ =
      Certify(authority_, KeyOwner::kCloud, "cloud", {"lab.example", "10.0.0.7", "::1"}, validity_);
  const Credentials device_ = Certify(authority_, KeyOwner::kDevice, "device-0", {}, validity_);
};

TEST_F(CertificateTest, SaysWhoseItIsAndUntilWhen) {
  const CertificateFacts facts = FactsOf({"own.pem", cloud_.certificate_pem});
  EXPECT_EQ(facts.name, "cloud");
  EXPECT_EQ(facts.issuer, "authority");
  EXPECT_THAT(facts.hosts, ElementsAre("lab.example", "10.0.0.7", "::1"));
  EXPECT_EQ(facts.validity.from, validity_.from);
  EXPECT_EQ(facts.validity.until, validity_.until);
  EXPECT_THAT(FactsOf({"own.pem", device_.certificate_pem}).hosts, IsEmpty());
}

TEST_F(CertificateTest, IsValidFromItsFirstSecondToItsLast) {
  const auto second = std::chrono::seconds(1);
  for (const auto at : {validity_.from, now_, validity_.until - second})
    Check(device_, KeyOwner::kDevice, at);
  EXPECT_INPUT_ERROR(Check(device_, KeyOwner::kDevice, validity_.from - second),
                     HasSubstr("not valid yet"));
  EXPECT_INPUT_ERROR(Check(device_, KeyOwner::kDevice, validity_.until), HasSubstr("has expired"));
}

TEST_F(CertificateTest, IsForOneRole) {
  Check(cloud_, KeyOwner::kCloud, now_);
  EXPECT_INPUT_ERROR(Check(cloud_, KeyOwner::kDevice, now_),
                     HasSubstr("'own.pem' ('cloud') is not a device's certificate"));
  EXPECT_INPUT_ERROR(Check(device_, KeyOwner::kCloud, now_),
                     HasSubstr("is not a cloud's certificate"));
}

TEST_F(CertificateTest, OfAnotherAuthorityOfTheSameNameIsRefused) {
  const Credentials impostor = MakeAuthority("authority", validity_);
  const Credentials own = Certify(impostor, KeyOwner::kDevice, "device-0", {}, validity_);
  EXPECT_INPUT_ERROR(Check(own, KeyOwner::kDevice, now_), HasSubstr("'own.pem' is of another CA"));
  EXPECT_INPUT_ERROR(Check(impostor, KeyOwner::kDevice, now_), HasSubstr("is of another CA"));
}

TEST_F(CertificateTest, OfADeviceCertifiesNobody) {
  const Credentials own = Certify(device_, KeyOwner::kDevice, "device-1", {}, validity_);
  EXPECT_INPUT_ERROR(
      CheckCredentials({"ca.pem", device_.certificate_pem}, {"own.pem", own.certificate_pem},
                       {"key.pem", own.key_pem}, KeyOwner::kDevice, now_),
      HasSubstr("own.pem"));
}

TEST_F(CertificateTest, AnotherOnesKeyIsRefused) {
  EXPECT_INPUT_ERROR(Check({device_.certificate_pem, cloud_.key_pem}, KeyOwner::kDevice, now_),
                     HasSubstr("'key.pem' is the key of another certificate than 'own.pem'"));
}

TEST_F(CertificateTest, AFileHoldsOneThingInPem) {
  const auto check = [&](const std::string& certificate, const std::string& key) {
    Check({certificate, key}, KeyOwner::kDevice, now_);
  };
  EXPECT_INPUT_ERROR(check("", device_.key_pem), HasSubstr("'own.pem' must hold a certificate"));
  EXPECT_INPUT_ERROR(check(device_.key_pem, device_.key_pem), HasSubstr("must hold a certificate"));
  EXPECT_INPUT_ERROR(check(device_.certificate_pem + cloud_.certificate_pem, device_.key_pem),
                     HasSubstr("must hold one certificate, and holds more"));
  EXPECT_INPUT_ERROR(check(device_.certificate_pem.substr(0, 200), device_.key_pem),
                     HasSubstr("must hold a certificate"));
  EXPECT_INPUT_ERROR(check(device_.certificate_pem, ""),
                     HasSubstr("'key.pem' must hold a private key"));
}

// OpenSSL's own answer to such a key is a question on the terminal.
TEST_F(CertificateTest, AKeyWithAPasswordIsRefusedWithoutAQuestion) {
  BIO* const in = BIO_new_mem_buf(device_.key_pem.data(), static_cast<int>(device_.key_pem.size()));
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO* const out = BIO_new(BIO_s_mem());
  ASSERT_EQ(
      PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_256_cbc(), "secret", 6, nullptr, nullptr), 1);
  char* text = nullptr;
  const auto size = static_cast<size_t>(BIO_get_mem_data(out, &text));
  const Credentials own{device_.certificate_pem, std::string(text, size)};
  EXPECT_INPUT_ERROR(Check(own, KeyOwner::kDevice, now_), HasSubstr("without a password"));
  BIO_free(in);
  BIO_free(out);
  EVP_PKEY_free(key);
}

// Where TLS on the same thread would find it and take it for its own.
TEST_F(CertificateTest, AFailureLeavesNothingInOpenSslsQueue) {
  const Credentials other = MakeAuthority("other", validity_);
  EXPECT_ANY_THROW(Check({"", ""}, KeyOwner::kDevice, now_));
  EXPECT_ANY_THROW(Check({device_.certificate_pem, "x"}, KeyOwner::kDevice, now_));
  EXPECT_ANY_THROW(Check({device_.certificate_pem, cloud_.key_pem}, KeyOwner::kDevice, now_));
  EXPECT_ANY_THROW(Check(other, KeyOwner::kDevice, now_));
  EXPECT_EQ(ERR_peek_error(), 0u);
}

TEST_F(CertificateTest, EveryOneHasAKeyAndASerialOfItsOwn) {
  const Credentials again = Certify(authority_, KeyOwner::kDevice, "device-0", {}, validity_);
  EXPECT_NE(again.key_pem, device_.key_pem);
  EXPECT_NE(again.certificate_pem, device_.certificate_pem);
  EXPECT_NE(RandomHex(32), RandomHex(32));
  EXPECT_EQ(RandomHex(32).size(), 64u);
}

TEST(HostTest, IsANameOrAnAddressWithoutAPort) {
  for (const char* host : {"lab", "lab.example", "a-1.b_2.c", "10.0.0.7", "::1", "fe80::1"}) {
    EXPECT_EQ(HostProblem(host), "") << host;
  }
  for (const char* host : {"", "lab:50051", "10.0.0.7:1", "10.0.0", "[::1]", "a b", "a,DNS:b",
                           "*.a", ".a", "a..b", "https://a"}) {
    EXPECT_THAT(HostProblem(host), AllOf(HasSubstr("must be a host's name"), HasSubstr(host)));
  }
}

TEST(DateTest, IsInUtc) {
  EXPECT_EQ(
      DateText(std::chrono::sys_days(std::chrono::year(2026) / 11 / 30) + std::chrono::seconds(5)),
      "2026-11-30 00:00:05 UTC");
}

}  // namespace
}  // namespace hat
