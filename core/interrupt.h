// Whether the user wants the program to end.
#pragma once

namespace hat {

// From now on Ctrl-C (SIGINT), SIGTERM and SIGHUP make IsInterrupted() true, so that the program
// can end cleanly; the same one again ends it at once. One that is ignored, as under nohup, stays
// so.
void CatchInterrupts();
bool IsInterrupted();

}  // namespace hat
