#include "core/dtype.h"

#include <gmock/gmock.h>

#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(DtypeTest, BothNamesOfEveryTypeAreRead) {
  for (const Dtype dtype : kAllDtypes) {
    EXPECT_EQ(FindDtype(Name(dtype)), dtype);
    EXPECT_EQ(FindDtype(LongName(dtype)), dtype);
    EXPECT_EQ(ParseDtype(LongName(dtype), "--dtype"), dtype);
  }
  EXPECT_FALSE(FindDtype("int4"));
  EXPECT_FALSE(FindDtype("FP16"));
  EXPECT_FALSE(FindDtype(""));
}

TEST(DtypeTest, NamesAndSizesAreThoseOfTheirType) {
  EXPECT_EQ(Name(Dtype::kFloat64) + Name(Dtype::kFloat32), "fp64fp32");
  EXPECT_EQ(LongName(Dtype::kFloat16) + LongName(Dtype::kBfloat16), "float16bfloat16");
  EXPECT_EQ(BytesPerValue(Dtype::kFloat64), 8);
  EXPECT_EQ(BytesPerValue(Dtype::kFloat32), 4);
  EXPECT_EQ(BytesPerValue(Dtype::kFloat16), 2);
  EXPECT_EQ(BytesPerValue(Dtype::kBfloat16), 2);
}

TEST(DtypeTest, AnErrorNamesWhatIsAllowedHere) {
  EXPECT_INPUT_ERROR(ParseDtype("float64", "--wire-dtype", {Dtype::kFloat32, Dtype::kFloat16}),
                     HasSubstr("--wire-dtype must be one of fp32, fp16, got 'float64'"));
  EXPECT_THAT(DtypeWords({Dtype::kFloat16, Dtype::kFloat32}),
              ElementsAre("float16", "fp16", "float32", "fp32"));
}

}  // namespace
}  // namespace hat
