#include "runtime/serve/wire/grpc_log.h"

#include <grpc/support/log.h>

#include <mutex>
#include <set>
#include <string_view>
#include <utility>

namespace hat {
namespace {

using Told = std::function<void(const std::string&)>;
std::mutex mutex;  // of the listeners
std::set<const Told*> listeners;

struct Meaning {
  std::string_view text;  // of OpenSSL 1.1 or 3
  std::string_view words;
};
constexpr Meaning kMeanings[] = {
    {"WRONG_VERSION_NUMBER", "it does not speak TLS"},
    {"wrong version number", "it does not speak TLS"},
    {"HTTP_REQUEST", "it does not speak TLS"},
    {"http request", "it does not speak TLS"},
    {"PEER_DID_NOT_RETURN_A_CERTIFICATE", "it has no certificate"},
    {"peer did not return a certificate", "it has no certificate"},
    {"CERTIFICATE_VERIFY_FAILED", "its certificate is of another CA, or has expired"},
    {"certificate verify failed", "its certificate is of another CA, or has expired"},
    {"TLSV1_ALERT_UNKNOWN_CA", "it does not take our certificate: another CA"},
    {"tlsv1 alert unknown ca", "it does not take our certificate: another CA"},
    {"alert certificate expired", "it does not take our certificate: it has expired"},
    {"alert", "it does not take our certificate"},
};

void OnLog(gpr_log_func_args* args) {
  const std::string_view message = args->message;
  if (message.find("andshake failed") == std::string_view::npos) return;
  std::string why(message.substr(0, 200));
  for (const Meaning& meaning : kMeanings) {
    if (message.find(meaning.text) == std::string_view::npos) continue;
    why = meaning.words;
    break;
  }
  const std::lock_guard lock(mutex);
  for (const Told* told : listeners) (*told)(why);
}

}  // namespace

HandshakeListener::HandshakeListener(std::function<void(const std::string& why)> told)
    : told_(std::move(told)) {
  {
    const std::lock_guard lock(mutex);
    listeners.insert(&told_);
  }
  gpr_set_log_function(OnLog);
}

HandshakeListener::~HandshakeListener() {
  const std::lock_guard lock(mutex);
  listeners.erase(&told_);
}

}  // namespace hat
