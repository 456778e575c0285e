#include "core/interrupt.h"

#include <csignal>
#include <initializer_list>

namespace hat {
namespace {

volatile std::sig_atomic_t is_interrupted = false;

}  // namespace

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { is_interrupted = true; };
  action.sa_flags = SA_RESETHAND;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before = {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler == SIG_IGN) continue;  // by nohup, or by a shell for a job behind '&'
    ::sigaction(signal, &action, nullptr);
  }
}

bool IsInterrupted() { return is_interrupted; }

}  // namespace hat
