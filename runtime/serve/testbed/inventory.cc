#include "runtime/serve/testbed/inventory.h"

#include <fmt/format.h>

#include <set>

#include "core/config.h"

namespace hat {
namespace {

constexpr const char* kPort = "7077";

std::string NotEmpty(const ConfigTable& table, const std::string& key,
                     const std::optional<std::string>& fallback = {}) {
  const std::string text = table.String(key, fallback);
  if (!text.empty() && text[0] != '-') return text;
  throw table.Error(key, fmt::format("must be a name or a path, got '{}'", text));
}

// `all`: what holds for hosts that do not say otherwise.
InventoryHost ReadHost(const ConfigTable& table, const ConfigTable& all) {
  const std::string program = NotEmpty(all, "program", "hat-live");
  const std::string model = NotEmpty(all, "model", "models/small");
  return {.host = NotEmpty(table, "host"),
          .hardware = table.String("hardware", ""),
          .program = NotEmpty(table, "program", program),
          .model = NotEmpty(table, "model", model),
          .keys = NotEmpty(table, "keys", "keys")};
}

std::string WithPort(const std::string& address) {
  const size_t colon = address.rfind(':');
  const bool has_port = colon != std::string::npos && address.find(']', colon) == std::string::npos;
  return has_port ? address : fmt::format("{}:{}", address, kPort);
}

}  // namespace

Inventory LoadInventory(const std::string& path) {
  const Config config = Config::FromFile(path);
  const ConfigTable root = config.Root();
  Inventory inventory;
  inventory.path = path;
  inventory.ssh = root.Strings("ssh", std::vector<std::string>{"ssh"});
  if (inventory.ssh.empty()) throw root.Error("ssh", "must hold a program at least");
  const ConfigTable cloud = root.Table("cloud");
  inventory.cloud = ReadHost(cloud, root);
  inventory.address = WithPort(NotEmpty(cloud, "address", inventory.cloud.host));
  const std::string port = inventory.address.substr(inventory.address.rfind(':') + 1);
  inventory.listen = NotEmpty(cloud, "listen", "0.0.0.0:" + port);
  std::set<std::string> hosts;
  for (const ConfigTable& device : root.Tables("device")) {
    const InventoryHost& host = inventory.devices.emplace_back(ReadHost(device, root));
    if (hosts.insert(host.host).second) continue;
    throw device.Error("host", fmt::format("'{}' stands there twice", host.host));
  }
  if (inventory.devices.empty()) throw root.Error("device", "must be there once at least");
  config.RejectUnknownKeys();
  return inventory;
}

}  // namespace hat
