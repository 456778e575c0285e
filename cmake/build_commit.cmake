# Run at every build (cmake -D SOURCE=... -D OUTPUT=... -P): writes BuildCommit()'s source file, and
# touches it only when the commit or its dirty flag has changed.
cmake_path(GET SOURCE PARENT_PATH above)
set(ENV{GIT_CEILING_DIRECTORIES} ${above})  # an unpacked archive inside another checkout has no commit
execute_process(
  COMMAND git --no-optional-locks -C ${SOURCE} describe --always --exclude=* --abbrev=40 --dirty
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[
#include "core/files.h"

namespace hat {

std::string BuildCommit() { return "@commit@"; }

}  // namespace hat
]])
