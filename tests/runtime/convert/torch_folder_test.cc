#include "runtime/convert/torch_folder.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"
#include "runtime/model/checkpoint.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

const std::string kData = "tests/data/runtime/";

// What transformers wrote as safetensors and torch.save as pickles is the same model.
TEST(TorchFolderTest, GivesTheWeightsThatTorchSaved) {
  const TempFolder folder;
  const TorchFolder saved(kData + "sharded_bf16_bin");
  EXPECT_EQ(saved.widest(), Dtype::kBfloat16);
  WriteImport(saved, saved.widest(), folder / "made", false, "bin",
              [](size_t, size_t) { return true; });
  const Checkpoint made(folder / "made"), wanted(kData + "sharded_bf16");
  for (const auto& [name, shape] : TensorShapes(wanted.config())) {
    const auto bytes = [&](const Checkpoint& checkpoint) {
      const Checkpoint::Located& located = checkpoint.Find(name);
      std::vector<std::byte> copy(located.tensor->bytes.size());
      located.file->Copy(*located.tensor, copy.data());
      return copy;
    };
    EXPECT_EQ(bytes(made), bytes(wanted)) << name;
  }
}

class BrokenTorchFolderTest : public testing::Test {
 protected:
  BrokenTorchFolderTest() {
    fs::copy(kData + "sharded_bf16_bin", folder_.path(), fs::copy_options::recursive);
  }
  void ExpectRefused(const std::string& message) {
    EXPECT_INPUT_ERROR(TorchFolder(folder_.path()), HasSubstr(message));
  }

  TempFolder folder_;
  const std::string second_ = folder_ / "pytorch_model-00002-of-00002.bin";
};

TEST_F(BrokenTorchFolderTest, AMissingFileIsNamed) {
  EXPECT_TRUE(HasTorchWeights(folder_.path()));
  fs::remove(second_);
  ExpectRefused("cannot read '" + second_);
}

TEST_F(BrokenTorchFolderTest, WhatIsCutOffOrNoArchiveIsNamed) {
  fs::resize_file(second_, fs::file_size(second_) / 2);
  ExpectRefused(second_ + ": no archive of torch.save");
  WriteFileAtomically(second_,
                      "\x80\x02\x8a\x0al\xfc\x9c"
                      "F\xf9 j\xa8P\x19.");  // torch before 1.6
  ExpectRefused("torch 1.6 or newer");
}

TEST_F(BrokenTorchFolderTest, AMissingTensorIsNamed) {
  const std::string index = folder_ / "pytorch_model.bin.index.json";
  WriteFileAtomically(index, R"({"weight_map": {"x": "pytorch_model-00001-of-00002.bin"}})");
  ExpectRefused("is missing from the weights");
  WriteFileAtomically(index, R"({"weight_map": {"x": "../other.bin"}})");
  ExpectRefused("a file in the same folder");
}

// Pickles, code by code.
std::string Text(const std::string& text) {
  return std::string("\x8c") + static_cast<char>(text.size()) + text;
}

TEST(PickleTest, ReadsADictionaryOfTensors) {
  const std::string storage =
      "(" + Text("storage") + "ctorch\nHalfStorage\n" + Text("7") + Text("cpu") + "K\x06tQ";
  const std::string tensor = "ctorch._utils\n_rebuild_tensor_v2\n(" + storage +
                             std::string("K\x01K\x02K\x03\x86K\x03K\x01\x86\x89", 13) +
                             "ccollections\nOrderedDict\n)RtR";
  const auto tensors = ReadPickledTensors("\x80\x02}(" + Text("w") + tensor + "u.", "a.bin");
  ASSERT_EQ(tensors.size(), 1U);
  const PickledTensor& w = tensors.at("w");
  EXPECT_EQ(w.type, StoredType::kFloat16);
  EXPECT_EQ(w.storage, "7");
  EXPECT_EQ(w.offset, 1);
  EXPECT_THAT(w.shape, testing::ElementsAre(2, 3));
  EXPECT_THAT(w.strides, testing::ElementsAre(3, 1));
}

struct BadPickle {
  std::string name, pickle, message;
};
class BadPickleTest : public testing::TestWithParam<BadPickle> {};

TEST_P(BadPickleTest, IsRefused) {
  EXPECT_INPUT_ERROR(ReadPickledTensors(GetParam().pickle, "a.bin"),
                     AllOf(HasSubstr("a.bin"), HasSubstr(GetParam().message)));
}

// Lists in lists, each in the next: more than a stack of calls could take apart.
std::string DeepPickle() {
  std::string pickle = ")";
  for (int i = 0; i < 1'000'000; ++i) pickle += "\x85";
  return pickle + ".";
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadPickleTest,
    testing::Values(
        BadPickle{"Empty", "", "cut off"}, BadPickle{"Cut", "\x80\x02}(", "cut off"},
        BadPickle{"Foreign", "cbuiltins\nlist\n)R.", "asks for builtins.list; only tensors"},
        BadPickle{"ForeignByStack", Text("builtins") + Text("list") + "\x93.", "builtins.list"},
        BadPickle{"TorchButNoTensor", "ctorch.nn\nLinear\n)R.", "torch.nn.Linear"},
        BadPickle{"List", "].", "no dictionary of tensors"},
        BadPickle{"OtherValues", "}(" + Text("a") + "K\x01u.", "no dictionary of tensors alone"},
        BadPickle{"NothingOnTheStack", "0.", "takes a value where there is none"},
        BadPickle{"NoMark", "}u.", "no mark"}, BadPickle{"NotKept", "h\x05.", "has not kept"},
        BadPickle{"KeyWithoutValue", "}(Nu.", "key without a value"},
        BadPickle{"UnknownCode", "i.", "the code 0x69"},
        BadPickle{"Instance", "}\x81.", "the code 0x81"},
        BadPickle{"Newer", "\x80\x09.", "protocol 9"},
        BadPickle{"CallOfNothing", "N)R.", "what may be called"},
        BadPickle{"Deep", DeepPickle(), "no dictionary of tensors"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace hat
