#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "core/mapped_file.h"
#include "runtime/convert/gguf_file.h"
#include "runtime/model/safetensors.h"

namespace hat {
namespace {

constexpr const char* kFolder = "tests/data/runtime/gguf/";

// Random blocks of every type, and what the package gguf 0.19.0 makes of them.
TEST(DequantizeTest, GivesWhatLlamaCppsPackageGives) {
  const MappedFile file(std::string(kFolder) + "blocks.gguf");
  const GgufContent gguf(file.bytes(), file.path());
  const SafetensorsFile wanted(std::string(kFolder) + "blocks.safetensors");
  ASSERT_EQ(gguf.tensors().size(), 11U);
  for (const auto& [name, tensor] : gguf.tensors()) {
    EXPECT_EQ(Name(tensor.type), name);
    EXPECT_EQ(tensor.shape, (std::vector<int64_t>{2, 256}));
    std::vector<float> values(512), theirs(512);
    Dequantize(tensor, 0, values);
    wanted.Copy(wanted.tensors().at(name), reinterpret_cast<std::byte*>(theirs.data()));
    for (size_t i = 0; i < values.size(); ++i) {  // a machine may fuse a product and a sum
      ASSERT_NEAR(values[i], theirs[i], 1e-6 * (1 + std::abs(theirs[i]))) << name << " " << i;
    }
  }
}

TEST(DequantizeTest, APartIsThatPartOfTheWhole) {
  const MappedFile file(std::string(kFolder) + "blocks.gguf");
  const GgufContent gguf(file.bytes(), file.path());
  for (const auto& [name, tensor] : gguf.tensors()) {
    std::vector<float> whole(512), part(256);
    Dequantize(tensor, 0, whole);
    Dequantize(tensor, 256, part);
    EXPECT_EQ(part, std::vector<float>(whole.begin() + 256, whole.end())) << name;
  }
}

}  // namespace
}  // namespace hat
