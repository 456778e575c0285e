#include "cli/trace_progress.h"

#include <fmt/format.h>

namespace hat {

void TraceProgress::Show(int done) {
  if (done < 1 || !line_.IsDue()) return;
  const double so_far_s = std::chrono::duration<double>(Clock::now() - start_).count();
  line_.Show(fmt::format("{}: {} of {} {}, {:.0f} s left", title_, done, all_, unit_,
                         so_far_s * (all_ - done) / done));
}

}  // namespace hat
