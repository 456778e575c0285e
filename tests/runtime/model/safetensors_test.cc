#include "runtime/model/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string FileOf(const std::string& header, const std::string& data, uint64_t length) {
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + data;
}

std::string FileOf(const std::string& header, const std::string& data) {
  return FileOf(header, data, header.size());
}

SafetensorsContent Parse(const std::string& file) {
  return ParseSafetensors(std::as_bytes(std::span(file)), "a.safetensors");
}

TEST(SafetensorsTest, AWrittenFileReadsBack) {
  const TempFolder folder;
  const std::vector<float> a = {1, 2, 3, 4, 5, 6};
  const std::vector<uint16_t> b = {0x3c00, 0x4000, 0x4200};
  const std::map<std::string, StoredTensor> tensors = {
      {"b", {StoredType::kFloat16, {3}, std::as_bytes(std::span(b))}},
      {"c", {StoredType::kFloat32, {2, 3}, std::as_bytes(std::span(a))}},
      {"empty", {StoredType::kUint8, {0, 4}, {}}}};
  const std::string path = folder / "a.safetensors";
  WriteSafetensors(path, tensors, {{"split", "2"}});
  const SafetensorsFile file(path);
  EXPECT_EQ(file.metadata().at("split"), "2");
  ASSERT_EQ(file.tensors().size(), 3);
  const StoredTensor& c = file.tensors().at("c");
  EXPECT_EQ(c.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(std::memcmp(c.bytes.data(), a.data(), 24), 0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(c.bytes.data()) % 8, 0);
  EXPECT_EQ(std::memcmp(file.tensors().at("b").bytes.data(), b.data(), 6), 0);
  EXPECT_EQ(folder.List(), (std::vector<std::string>{"a.safetensors"}));
}

TEST(SafetensorsTest, ACopyHasEveryByteOfALargeTensor) {
  const TempFolder folder;
  std::vector<uint8_t> bytes(9'000'001);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 31 + i / 4096);
  WriteSafetensors(folder / "a",
                   {{"x", {StoredType::kUint8, {9'000'001}, std::as_bytes(std::span(bytes))}}});
  const SafetensorsFile file(folder / "a");
  std::vector<uint8_t> copy(bytes.size());
  file.Copy(file.tensors().at("x"), reinterpret_cast<std::byte*>(copy.data()));
  EXPECT_EQ(copy, bytes);
}

TEST(SafetensorsTest, AReleasedTensorReadsAgain) {
  const TempFolder folder;
  const std::vector<uint8_t> bytes(100'000, 7);
  WriteSafetensors(folder / "a",
                   {{"x", {StoredType::kUint8, {100'000}, std::as_bytes(std::span(bytes))}}});
  const SafetensorsFile file(folder / "a");
  file.Release(file.tensors().at("x").bytes);
  EXPECT_EQ(std::memcmp(file.tensors().at("x").bytes.data(), bytes.data(), bytes.size()), 0);
}

TEST(SafetensorsTest, AScalarAndAPaddedHeaderAreFine) {
  const SafetensorsContent content =
      Parse(FileOf(R"({"x":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )", "abcd"));
  EXPECT_EQ(content.tensors.at("x").bytes.size(), 4);
}

struct BadFile {
  const char* name;
  std::string file;
  const char* message;
};
void PrintTo(const BadFile& bad, std::ostream* out) { *out << bad.name; }

std::string One(const std::string& type, const std::string& shape, const std::string& offsets,
                size_t data_bytes) {
  return FileOf(R"({"x":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" +
                    offsets + "}}",
                std::string(data_bytes, 'x'));
}

std::string Two(const std::string& a, const std::string& b, size_t data_bytes) {
  const std::string start = R"({"dtype":"U8","shape":[4],"data_offsets":)";
  return FileOf(R"({"a":)" + start + a + R"(},"b":)" + start + b + "}}",
                std::string(data_bytes, 'x'));
}

class BadSafetensorsTest : public testing::TestWithParam<BadFile> {};

TEST_P(BadSafetensorsTest, IsRefused) {
  EXPECT_INPUT_ERROR(Parse(GetParam().file),
                     AllOf(HasSubstr("a.safetensors"), HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadSafetensorsTest,
    testing::Values(
        BadFile{"Empty", "", "0 bytes"}, BadFile{"SevenBytes", "1234567", "7 bytes"},
        BadFile{"HugeHeader", FileOf("{}", "", uint64_t{1} << 63), "no header's length"},
        BadFile{"AllOnes", FileOf("{}", "", UINT64_MAX), "no header's length"},
        BadFile{"HeaderBehindTheEnd", FileOf("{}", "", 3), "cut off"},
        BadFile{"NoObject", FileOf("[]", ""), "no JSON object"},
        BadFile{"BrokenJson", FileOf("{\"x\":", ""), "not valid JSON"},
        BadFile{"TwiceTheName",
                FileOf(R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
                           "x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                       "x"),
                "twice"},
        BadFile{"UnknownType", One("F8_E4M3", "[4]", "[0,4]", 4), "F8_E4M3"},
        BadFile{"WrongProduct", One("F32", "[2,2]", "[0,12]", 12), "needs 16 bytes"},
        BadFile{"WrongType", One("F16", "[2,2]", "[0,16]", 16), "needs 8 bytes"},
        BadFile{"HugeProduct", One("F32", "[4294967296,4294967296]", "[0,4]", 4), "2^64"},
        BadFile{"WrappedProduct", One("F64", "[2305843009213693952,8]", "[0,0]", 0), "2^64"},
        BadFile{"NegativeSize", One("F32", "[-1]", "[0,4]", 4), "shape[0]"},
        BadFile{"FractionalSize", One("F32", "[1.0]", "[0,4]", 4), "shape[0]"},
        BadFile{"BehindTheFile", One("F32", "[2]", "[0,8]", 4),
                "data_offsets[1]' is 8, the file has 4"},
        BadFile{"Backwards", One("U8", "[4]", "[4,0]", 4), "data_offsets[1]"},
        BadFile{"ThreeOffsets", One("U8", "[4]", "[0,4,4]", 4), "[begin, end]"},
        BadFile{"HugeOffset", One("U8", "[4]", "[18446744073709551615,4]", 4), "data_offsets[0]"},
        BadFile{"Overlap", Two("[0,4]", "[2,6]", 6), "overlap at byte 2"},
        BadFile{"SameBytes", Two("[0,4]", "[0,4]", 4), "overlap at byte 0"},
        BadFile{"Hole", Two("[0,4]", "[6,10]", 10), "hole at byte 4"},
        BadFile{"HoleAtTheStart", One("U8", "[4]", "[2,6]", 6), "hole at byte 0"},
        BadFile{"BytesBehind", One("U8", "[4]", "[0,4]", 7), "3 bytes after"},
        BadFile{"UnknownKey",
                FileOf(R"({"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"y":1}})", ""),
                "unknown key"},
        BadFile{"NoShape", FileOf(R"({"x":{"dtype":"U8","data_offsets":[0,0]}})", ""), "x.shape"},
        BadFile{"NumberInMetadata", FileOf(R"({"__metadata__":{"a":1}})", ""), "__metadata__.a"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(SafetensorsTest, AFileThatIsNoneIsNamed) {
  const TempFolder folder;
  EXPECT_INPUT_ERROR(SafetensorsFile(folder / "none"), HasSubstr("none"));
  EXPECT_INPUT_ERROR(SafetensorsFile(folder.path()), HasSubstr("not a file"));
  WriteFileAtomically(folder / "empty", "");
  EXPECT_INPUT_ERROR(SafetensorsFile(folder / "empty"), HasSubstr("empty"));
}

// Whatever byte is cut off or changed: a clear refusal, or a file that is still well formed.
TEST(SafetensorsTest, EveryTruncationAndBitFlipIsSurvived) {
  const std::string good = Two("[0,4]", "[4,8]", 8);
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_THROW(Parse(good.substr(0, length)), InputError) << length;
  }
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    try {
      for (const auto& [name, tensor] : Parse(bad).tensors) EXPECT_EQ(tensor.bytes.size(), 4);
    } catch (const InputError&) {
    }
  }
}

}  // namespace
}  // namespace hat
