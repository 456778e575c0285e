// Certificates and their keys as PEM texts: made, looked into, checked. ECDSA on P-256, X.509
// through OpenSSL; of TLS it knows nothing.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace hat {

// The machine's clock, in UTC.
std::chrono::sys_seconds Now();
std::string DateText(std::chrono::sys_seconds at);  // "2026-11-30 05:30:04 UTC"

struct Validity {
  std::chrono::sys_seconds from, until;  // without `until` itself
};

struct Credentials {
  std::string certificate_pem;
  std::string key_pem;  // PKCS #8, without a password
};

// What a certificate is for: the cloud is TLS's server, a device its client.
enum class KeyOwner { kCloud, kDevice };

// A CA that certifies itself; it can certify others and no further CA. `name` (its common name): 1
// to 64 bytes. This and Certify throw RunError if OpenSSL fails.
Credentials MakeAuthority(const std::string& name, const Validity& validity);

// A new key, and a certificate for it by the authority. `hosts`: DNS names and IP addresses by
// which the cloud may be called, as HostProblem lets pass; none for a device.
Credentials Certify(const Credentials& authority, KeyOwner role, const std::string& name,
                    const std::vector<std::string>& hosts, const Validity& validity);

// What is wrong with a host for a certificate, "" if nothing is. Neither ports nor wildcards.
std::string HostProblem(const std::string& host);

struct CertificateFacts {
  std::string name;                // the common name
  std::string issuer;              // its issuer's
  std::vector<std::string> hosts;  // addresses in the form in which gRPC compares them ("::1")
  Validity validity;
};

// A file's name, for messages, and its content.
struct PemFile {
  std::string path;
  std::string text;
};

// Throws InputError unless the file holds one certificate.
CertificateFacts FactsOf(const PemFile& certificate);

// Throws InputError unless the certificate and the key belong together, the CA has made the
// certificate for this role, and both are valid at `now`. Each file must hold one thing alone: gRPC
// would take all.
void CheckCredentials(const PemFile& authority, const PemFile& certificate, const PemFile& key,
                      KeyOwner role, std::chrono::sys_seconds now);

// `bytes` random bytes, from OpenSSL, in hexadecimal digits. Throws RunError.
std::string RandomHex(int bytes);

}  // namespace hat
