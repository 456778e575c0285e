#include "cli/set_option.h"

#include "cli/shipped.h"
#include "core/config.h"

namespace hat {

void AddSetOption(CommandLine& line, std::vector<std::string>& overrides,
                  const std::string& of_what) {
  const auto take = [&overrides](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      if (!text.starts_with('@')) {
        overrides.push_back(text);
        continue;
      }
      const std::vector<std::string> keys = OverridesOf(ShippedPath(text.substr(1)));
      overrides.insert(overrides.end(), keys.begin(), keys.end());
    }
  };
  line.add_option_function<std::vector<std::string>>(
          "--set", take,
          "sets a key of " + of_what +
              ", as workload.rate_per_s=4, or all keys of a TOML file; "
              "may be repeated")
      ->type_name("KEY=VALUE|@FILE")
      ->expected(1)
      ->take_all();
}

}  // namespace hat
