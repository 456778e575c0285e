// Hello as it travels, and what is wrong with one.
#pragma once

#include <optional>
#include <string>

#include "runtime/serve/wire/connection.h"
#include "wire.pb.h"

namespace hat {

wire::Hello HelloOf(const Handshake& handshake);

// Another version of the protocol, or fields out of their range.
std::optional<std::string> HelloProblem(const wire::Hello& hello);

// Of one without a problem.
Handshake HandshakeOf(const wire::Hello& hello);

}  // namespace hat
