// Whether the user wants the program to end.
#pragma once

namespace hat {

// From now on Ctrl-C (SIGINT), SIGTERM and SIGHUP make IsInterrupted() true, so that the program
// can end cleanly; a second one ends it at once.
void CatchInterrupts();
bool IsInterrupted();

}  // namespace hat
