#include "runtime/convert/gguf_file.h"

#include <gmock/gmock.h>

#include <cstring>
#include <string>

#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A GGUF field by field.
class GgufBytes {
 public:
  template <typename T>
  GgufBytes& Put(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  GgufBytes& Text(const std::string& text) {
    Put(uint64_t{text.size()});
    text_ += text;
    return *this;
  }
  GgufBytes& Pad(size_t multiple) {
    text_.resize((text_.size() + multiple - 1) / multiple * multiple);
    return *this;
  }
  GgufBytes& Zeros(size_t count) {
    text_.append(count, '\0');
    return *this;
  }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

constexpr uint32_t kU32 = 4, kBool = 7, kString = 8, kList = 9, kF64 = 12;

GgufBytes Header(uint64_t tensors, uint64_t values, uint32_t version = 3) {
  GgufBytes bytes;
  for (const char letter : std::string("GGUF")) bytes.Put(letter);
  return bytes.Put(version).Put(tensors).Put(values);
}

GgufBytes& Tensor(GgufBytes& bytes, const std::string& name, std::vector<uint64_t> extents,
                  uint32_t type, uint64_t offset) {
  bytes.Text(name).Put(static_cast<uint32_t>(extents.size()));
  for (const uint64_t extent : extents) bytes.Put(extent);
  return bytes.Put(type).Put(offset);
}

GgufContent Parse(const std::string& text) {
  return GgufContent(std::as_bytes(std::span(text)), "a.gguf");
}

TEST(GgufFileTest, ReadsValuesAndTensors) {
  GgufBytes bytes = Header(1, 5);
  bytes.Text("text").Put(kString).Text("word");
  bytes.Text("number").Put(kU32).Put(uint32_t{7});
  bytes.Text("real").Put(kF64).Put(0.5);
  bytes.Text("flag").Put(kBool).Put(uint8_t{1});
  bytes.Text("words").Put(kList).Put(kString).Put(uint64_t{2}).Text("a").Text("b");
  Tensor(bytes, "x", {2, 3}, 0, 0).Pad(32).Zeros(24);
  const std::string text = bytes.str();
  const GgufContent gguf = Parse(text);
  EXPECT_EQ(gguf.Text("text"), "word");
  EXPECT_EQ(gguf.Integer("number", 0, 10), 7);
  EXPECT_EQ(gguf.Number("real"), 0.5);
  EXPECT_TRUE(gguf.Flag("flag", false));
  EXPECT_FALSE(gguf.Flag("other", false));
  EXPECT_THAT(gguf.Texts("words"), testing::ElementsAre("a", "b"));
  EXPECT_THAT(gguf.tensors().at("x").shape, testing::ElementsAre(3, 2)) << "outermost first";
  EXPECT_EQ(gguf.tensors().at("x").bytes.size(), 24U);
  EXPECT_INPUT_ERROR(gguf.Integer("number", 0, 6),
                     AllOf(HasSubstr("a.gguf: 'number'"), HasSubstr("0 to 6")));
  EXPECT_INPUT_ERROR(gguf.Text("number"), HasSubstr("must be text"));
  EXPECT_INPUT_ERROR(gguf.Text("none"), HasSubstr("'none' is missing"));
}

struct BadFile {
  std::string name, file, message;
};
class BadGgufTest : public testing::TestWithParam<BadFile> {};

TEST_P(BadGgufTest, IsRefused) {
  EXPECT_INPUT_ERROR(Parse(GetParam().file),
                     AllOf(HasSubstr("a.gguf"), HasSubstr(GetParam().message)));
}

GgufBytes WithTensor(std::vector<uint64_t> extents, uint32_t type, uint64_t offset, size_t data) {
  GgufBytes bytes = Header(1, 0);
  Tensor(bytes, "x", extents, type, offset).Pad(32).Zeros(data);
  return bytes;
}

GgufBytes TwoTensors(const std::string& second, uint64_t offset) {
  GgufBytes bytes = Header(2, 0);
  Tensor(bytes, "x", {8}, 0, 0);
  Tensor(bytes, second, {8}, 0, offset).Pad(32).Zeros(64);
  return bytes;
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadGgufTest,
    testing::Values(
        BadFile{"Empty", "", "begin with \"GGUF\""},
        BadFile{"Other", std::string(64, 'x'), "begin with"},
        BadFile{"Version1", Header(0, 0, 1).str(), "version 1"},
        BadFile{"BigEndian", Header(0, 0, 3U << 24).str(), "little-endian"},
        BadFile{"Cut", Header(0, 1).str(), "cut off"},
        BadFile{"HostileTensors", Header(UINT64_MAX, 0).str(), "tensors in a file of 24 bytes"},
        BadFile{"HostileValues", Header(0, uint64_t{1} << 62).str(),
                "values in a file of 24 bytes"},
        BadFile{"HostileText", Header(0, 1).Put(UINT64_MAX).Zeros(40).str(), "cut off"},
        BadFile{"HostileList",
                Header(0, 1).Text("k").Put(kList).Put(kU32).Put(UINT64_MAX).Zeros(40).str(),
                "numbers in a file of"},
        BadFile{"UnknownValue", Header(0, 1).Text("k").Put(uint32_t{99}).Zeros(40).str(),
                "'k' is of a type"},
        BadFile{"ListOfLists", Header(0, 1).Text("k").Put(kList).Put(kList).Zeros(40).str(),
                "'k' is a list"},
        BadFile{"TwiceTheKey",
                Header(0, 2).Text("k").Put(kU32).Put(1U).Text("k").Put(kU32).Put(1U).str(),
                "twice"},
        BadFile{"TwiceTheTensor", TwoTensors("x", 32).str(), "twice"},
        BadFile{"Overlap", TwoTensors("y", 16).str(), "overlap"},
        BadFile{"NoDimension", WithTensor({}, 0, 0, 32).str(), "0 dimensions"},
        BadFile{"ZeroExtent", WithTensor({4, 0}, 0, 0, 32).str(), "impossible extent"},
        BadFile{"HugeExtent", WithTensor({UINT64_MAX, 2}, 0, 0, 32).str(), "impossible extent"},
        BadFile{"Outside", WithTensor({8}, 0, 64, 32).str(), "cut off"},
        BadFile{"FarOutside", WithTensor({8}, 0, UINT64_MAX - 8, 32).str(), "cut off"},
        BadFile{"HalfABlock", WithTensor({16}, 2, 0, 32).str(), "no multiple of the 32"},
        BadFile{"OtherQuantisation", WithTensor({256}, 10, 0, 96).str(), "Q2_K, which is not read"},
        BadFile{"NewQuantisation", WithTensor({256}, 777, 0, 96).str(), "type 777"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace hat
