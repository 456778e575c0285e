#include "runtime/convert/medusa_import.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <string>

#include "runtime/model/medusa.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

using testing::HasSubstr;

const std::string kModel = "tests/data/runtime/mha";  // hidden 32, vocabulary 80

class MedusaImportTest : public testing::Test {
 protected:
  // Two heads in the authors' names.
  MedusaImportTest() {
    for (const std::string head : {"0", "1"}) {
      const auto random = [&](std::vector<int64_t> shape, const std::string& name) {
        file_.tensors[head + name] = RandomTensor(shape, 1, 1, head + name);
      };
      random({32, 32}, ".0.linear.weight");
      random({32}, ".0.linear.bias");
      random({80, 32}, ".1.weight");
    }
  }
  void Import(Dtype dtype = Dtype::kFloat32) {
    WriteTensorFile(folder_ / "published.safetensors", file_);
    ImportMedusa(folder_ / "published.safetensors", kModel, dtype, folder_ / "heads.safetensors");
  }

  TempFolder folder_;
  TensorFile file_;
};

TEST_F(MedusaImportTest, HeadsAreThePublishedOnes) {
  Import();
  const MedusaFile heads = LoadMedusa(folder_ / "heads.safetensors", OpenModel(kModel));
  ASSERT_EQ(heads.heads.size(), 2U);
  EXPECT_TRUE(at::equal(heads.heads[1].weight, file_.tensors["1.0.linear.weight"]));
  EXPECT_TRUE(at::equal(heads.heads[1].bias, file_.tensors["1.0.linear.bias"]));
  EXPECT_TRUE(at::equal(heads.heads[0].output, file_.tensors["0.1.weight"]));
}

TEST_F(MedusaImportTest, WhatIsNoSuchFileIsRefused) {
  file_.tensors["1.1.linear.weight"] = at::zeros({32, 32});  // a second layer
  EXPECT_INPUT_ERROR(Import(), HasSubstr("one layer"));
  file_.tensors.erase("1.1.linear.weight");
  file_.tensors["1.1.weight"] = at::zeros({81, 32});
  EXPECT_INPUT_ERROR(Import(), HasSubstr("'1.1.weight' is of another model's size"));
  file_.tensors.erase("1.1.weight");
  EXPECT_INPUT_ERROR(Import(), HasSubstr("'1.1.weight' is missing"));
  file_.tensors.clear();
  file_.tensors["x"] = at::zeros({1});
  EXPECT_INPUT_ERROR(Import(), HasSubstr("no Medusa heads"));
}

}  // namespace
}  // namespace hat
