#include "runtime/serve/keys/certificate.h"

#include <arpa/inet.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <optional>
#include <string_view>

#include "core/error.h"

namespace hat {
namespace {

template <auto kFree>
struct Freed {
  void operator()(auto* object) const { kFree(object); }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Store = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;

// OpenSSL's errors wait in a queue of the thread, where the next TLS connection on it would take
// them for its own.
struct ErrorQueue {
  ~ErrorQueue() { ERR_clear_error(); }
};

void Require(bool succeeded) {
  if (succeeded) return;
  std::array<char, 256> text;
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  throw RunError(fmt::format("OpenSSL: {}", text.data()));
}

Bio Reader(std::string_view text) {
  Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  Require(bio != nullptr);
  return bio;
}

std::string Written(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

// Without a function that answers, OpenSSL asks for a password on the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

Certificate ReadCertificate(const PemFile& file) {
  const ErrorQueue cleared;
  const Bio bio = Reader(file.text);
  Certificate first(PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr));
  if (first == nullptr) {
    throw InputError(fmt::format("'{}' must hold a certificate in PEM, and does not", file.path));
  }
  if (Certificate(PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr)) != nullptr) {
    throw InputError(fmt::format("'{}' must hold one certificate, and holds more", file.path));
  }
  return first;
}

Key ReadKey(const PemFile& file) {
  const ErrorQueue cleared;
  const Bio bio = Reader(file.text);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (key != nullptr) return key;
  const bool has_password = file.text.find("ENCRYPTED") != std::string::npos;
  throw InputError(fmt::format("'{}' must hold a private key in PEM{}", file.path,
                               has_password ? " without a password" : ", and does not"));
}

Key MakeKey() {
  Key key(EVP_EC_gen("P-256"));
  Require(key != nullptr);
  return key;
}

Credentials Write(X509* certificate, EVP_PKEY* key) {
  const Bio public_part(BIO_new(BIO_s_mem())), private_part(BIO_new(BIO_s_mem()));
  Require(public_part && private_part && PEM_write_bio_X509(public_part.get(), certificate) == 1);
  Require(PEM_write_bio_PKCS8PrivateKey(private_part.get(), key, nullptr, nullptr, 0, nullptr,
                                        nullptr) == 1);
  return {Written(public_part), Written(private_part)};
}

// 127 random bits: positive in 16 bytes.
void SetSerial(X509* certificate) {
  const Number number(BN_new());
  Require(number && BN_rand(number.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1);
  Require(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

void SetName(X509* certificate, const std::string& name) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(name.data());
  Require(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                     MBSTRING_UTF8, bytes, static_cast<int>(name.size()), -1,
                                     0) == 1);
}

// As OpenSSL's configuration files write the value.
void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_nconf_nid(nullptr, &context, nid, value.c_str()));
  Require(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

// All but issuer, extensions and signature.
Certificate Begin(const std::string& name, EVP_PKEY* key, const Validity& validity) {
  HAT_CHECK(!name.empty() && name.size() <= 64 && validity.from < validity.until, name);
  Certificate certificate(X509_new());
  Require(certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  SetSerial(certificate.get());
  SetName(certificate.get(), name);
  const auto seconds = [](std::chrono::sys_seconds at) {
    return static_cast<time_t>(at.time_since_epoch().count());
  };
  Require(ASN1_TIME_set(X509_getm_notBefore(certificate.get()), seconds(validity.from)) &&
          ASN1_TIME_set(X509_getm_notAfter(certificate.get()), seconds(validity.until)) &&
          X509_set_pubkey(certificate.get(), key) == 1);
  return certificate;
}

bool IsAddress(const std::string& host) {
  std::array<unsigned char, 16> bytes;
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

std::string AlternativeNames(const std::vector<std::string>& hosts) {
  std::vector<std::string> names;
  for (const std::string& host : hosts) {
    HAT_CHECK(HostProblem(host).empty(), host);
    names.push_back((IsAddress(host) ? "IP:" : "DNS:") + host);
  }
  return fmt::format("{}", fmt::join(names, ","));
}

std::string CommonName(X509_NAME* name) {
  std::array<char, 256> text = {};
  X509_NAME_get_text_by_NID(name, NID_commonName, text.data(), text.size());
  return text.data();
}

std::chrono::sys_seconds TimeOf(const ASN1_TIME* time) {
  std::tm fields = {};
  Require(ASN1_TIME_to_tm(time, &fields) == 1);
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&fields)));
}

std::optional<std::string> HostOf(const GENERAL_NAME& name) {
  const ASN1_STRING* text = nullptr;
  if (name.type == GEN_DNS) text = name.d.dNSName;
  if (name.type == GEN_IPADD) text = name.d.iPAddress;
  if (text == nullptr) return std::nullopt;
  const unsigned char* bytes = ASN1_STRING_get0_data(text);
  const auto size = static_cast<size_t>(ASN1_STRING_length(text));
  if (name.type == GEN_DNS) return std::string(bytes, bytes + size);
  std::array<char, INET6_ADDRSTRLEN> address = {};
  ::inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, address.data(), address.size());
  return address.data();
}

std::vector<std::string> HostsOf(const X509* certificate) {
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> hosts;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (auto host = HostOf(*sk_GENERAL_NAME_value(names.get(), i))) hosts.push_back(*host);
  }
  return hosts;
}

Validity ValidityOf(const X509* certificate) {
  return {TimeOf(X509_get0_notBefore(certificate)), TimeOf(X509_get0_notAfter(certificate))};
}

void CheckTime(const PemFile& file, const X509* certificate, std::chrono::sys_seconds now) {
  const Validity validity = ValidityOf(certificate);
  if (now >= validity.until) {  // OpenSSL too takes the last second for over
    throw InputError(
        fmt::format("'{}' has expired: it was valid until {}, and this machine's clock says {}",
                    file.path, DateText(validity.until), DateText(now)));
  }
  if (now < validity.from) {
    throw InputError(
        fmt::format("'{}' is not valid yet: it will be from {} on, and this machine's clock says "
                    "{}",
                    file.path, DateText(validity.from), DateText(now)));
  }
}

// OpenSSL's own judgement of the chain; X509_V_OK is 0.
int Verify(X509* authority, X509* certificate, KeyOwner role, std::chrono::sys_seconds now) {
  const ErrorQueue cleared;
  const Store store(X509_STORE_new());
  const StoreContext context(X509_STORE_CTX_new());
  Require(store && context && X509_STORE_add_cert(store.get(), authority) == 1 &&
          X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr) == 1);
  X509_STORE_CTX_set_time(context.get(), 0, static_cast<time_t>(now.time_since_epoch().count()));
  X509_STORE_CTX_set_purpose(
      context.get(), role == KeyOwner::kCloud ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT);
  X509_verify_cert(context.get());
  return X509_STORE_CTX_get_error(context.get());
}

// Throws InputError with the reason of OpenSSL's `error`.
[[noreturn]] void Refuse(const PemFile& authority, const PemFile& certificate, KeyOwner role,
                         int error) {
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      throw InputError(fmt::format("'{}' is of another CA ('{}') than '{}' ('{}')",
                                   certificate.path, FactsOf(certificate).issuer, authority.path,
                                   FactsOf(authority).name));
    case X509_V_ERR_INVALID_PURPOSE:
      throw InputError(fmt::format("'{}' ('{}') is not a {}'s certificate", certificate.path,
                                   FactsOf(certificate).name,
                                   role == KeyOwner::kCloud ? "cloud" : "device"));
    default:
      throw InputError(fmt::format("'{}' is refused by OpenSSL: {}", certificate.path,
                                   X509_verify_cert_error_string(error)));
  }
}

}  // namespace

std::chrono::sys_seconds Now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::string DateText(std::chrono::sys_seconds at) {
  return fmt::format("{:%F %T} UTC",
                     fmt::gmtime(static_cast<time_t>(at.time_since_epoch().count())));
}

Credentials MakeAuthority(const std::string& name, const Validity& validity) {
  const ErrorQueue cleared;
  const Key key = MakeKey();
  const Certificate certificate = Begin(name, key.get(), validity);
  X509* const made = certificate.get();
  Require(X509_set_issuer_name(made, X509_get_subject_name(made)) == 1);
  AddExtension(made, made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  AddExtension(made, made, NID_key_usage, "critical,keyCertSign");
  AddExtension(made, made, NID_subject_key_identifier, "hash");
  Require(X509_sign(made, key.get(), EVP_sha256()) > 0);
  return Write(made, key.get());
}

Credentials Certify(const Credentials& authority, KeyOwner role, const std::string& name,
                    const std::vector<std::string>& hosts, const Validity& validity) {
  const ErrorQueue cleared;
  const Certificate issuer = ReadCertificate({"the CA's certificate", authority.certificate_pem});
  const Key issuer_key = ReadKey({"the CA's key", authority.key_pem});
  const Key key = MakeKey();
  const Certificate certificate = Begin(name, key.get(), validity);
  X509* const made = certificate.get();
  Require(X509_set_issuer_name(made, X509_get_subject_name(issuer.get())) == 1);
  AddExtension(made, issuer.get(), NID_basic_constraints, "critical,CA:FALSE");
  AddExtension(made, issuer.get(), NID_key_usage, "critical,digitalSignature");
  AddExtension(made, issuer.get(), NID_ext_key_usage,
               role == KeyOwner::kCloud ? "serverAuth" : "clientAuth");
  AddExtension(made, issuer.get(), NID_subject_key_identifier, "hash");
  AddExtension(made, issuer.get(), NID_authority_key_identifier, "keyid:always");
  if (!hosts.empty()) {
    AddExtension(made, issuer.get(), NID_subject_alt_name, AlternativeNames(hosts));
  }
  Require(X509_sign(made, issuer_key.get(), EVP_sha256()) > 0);
  return Write(made, key.get());
}

std::string HostProblem(const std::string& host) {
  if (IsAddress(host)) return "";
  const auto is_of_a_name = [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  };
  const bool has_digits_alone =
      std::ranges::all_of(host, [](unsigned char c) { return std::isdigit(c) || c == '.'; });
  if (!host.empty() && host.size() <= 253 && std::ranges::all_of(host, is_of_a_name) &&
      !has_digits_alone && !host.starts_with('.') && host.find("..") == std::string::npos) {
    return "";
  }
  return fmt::format(
      "must be a host's name or its IP address, without a port, as lab.example or 10.0.0.7; got "
      "'{}'",
      host);
}

CertificateFacts FactsOf(const PemFile& certificate) {
  const Certificate read = ReadCertificate(certificate);
  return {CommonName(X509_get_subject_name(read.get())),
          CommonName(X509_get_issuer_name(read.get())), HostsOf(read.get()),
          ValidityOf(read.get())};
}

void CheckCredentials(const PemFile& authority, const PemFile& certificate, const PemFile& key,
                      KeyOwner role, std::chrono::sys_seconds now) {
  const ErrorQueue cleared;
  const Certificate ca = ReadCertificate(authority);
  const Certificate own = ReadCertificate(certificate);
  if (X509_check_private_key(own.get(), ReadKey(key).get()) != 1) {
    throw InputError(fmt::format("'{}' is the key of another certificate than '{}'", key.path,
                                 certificate.path));
  }
  CheckTime(authority, ca.get(), now);
  CheckTime(certificate, own.get(), now);
  const int error = Verify(ca.get(), own.get(), role, now);
  if (error != X509_V_OK) Refuse(authority, certificate, role, error);
}

std::string RandomHex(int bytes) {
  std::vector<unsigned char> random(static_cast<size_t>(bytes));
  Require(RAND_bytes(random.data(), bytes) == 1);
  return fmt::format("{:02x}", fmt::join(random, ""));
}

}  // namespace hat
