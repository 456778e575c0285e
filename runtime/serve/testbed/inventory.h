// INVENTORY.toml: the machines that serve a replay in place of this one, as ssh reaches them. Keys,
// defaults and an example: docs/formats.md#inventory.
#pragma once

#include <string>
#include <vector>

namespace hat {

// A machine with a program of ours, a checkpoint and keys; paths are those of that machine,
// relative to where ssh arrives.
struct InventoryHost {
  std::string host;      // as ssh knows it
  std::string hardware;  // what it is, for the receipt; may be empty
  std::string program;   // hat-live
  std::string model;     // the checkpoint's folder
  std::string keys;      // its folder of keys
};

struct Inventory {
  std::string path;
  std::vector<std::string> ssh;  // the words that start it: {"ssh", "-F", "config"}
  InventoryHost cloud;
  std::string listen;   // "0.0.0.0:7077": where the cloud's program listens
  std::string address;  // "gpu.lab:7077": where devices find it
  std::vector<InventoryHost> devices;
};

// Throws InputError that names file and line: unreadable, an unknown or a missing key, a host that
// stands there twice.
Inventory LoadInventory(const std::string& path);

}  // namespace hat
