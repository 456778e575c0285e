// A profile for people: as a readable table, and as the data of its figure. Also what follows for
// the whole model if one machine runs all of its layers, which is what published measurements
// state.
#pragma once

#include <string>

#include "core/units.h"
#include "profiles/profile.h"

namespace hat {

// One pass of `tokens` new tokens of one sequence through all layers, at the median:
// embedding(n) + layers x layer(n, context) + head(1); in a cloud, CloudProfile::Layer.
Seconds WholeModelPass(const DeviceProfile& profile, int tokens, int context);
Seconds WholeModelPass(const CloudProfile& profile, int tokens,
                       int context);  // needs embedding, head

// A header (what, where from), a table of each operation in us, and for the whole model ms per
// token and prefilled tokens/s. Throws InputError if the profile is not valid.
std::string ProfileReport(const ProfileData& data);

// The last part of the report alone.
std::string ProfileSummary(const ProfileData& data);

// CSV with the columns operation, context, tokens, median_us, p10_us, p90_us: a row a grid point.
std::string ProfileFigureCsv(const ProfileData& data);

// "vicuna-7b on agx-orin (maxn), device, fp16: modelled".
std::string ProfileTitle(const ProfileInfo& info);

}  // namespace hat
