// Every published measurement that a preset can be held against, beside what the roofline says:
// tests/golden/profile_errors.csv. HAT_UPDATE_GOLDEN=1 writes it again.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>

#include "core/csv.h"
#include "core/files.h"
#include "profiles/modelled_profile.h"
#include "profiles/profile.h"
#include "profiles/profile_report.h"
#include "profiles/roofline.h"

namespace hat {
namespace {

constexpr char kMeasured[] = "tests/data/profiles/measured.csv";
constexpr char kGolden[] = "tests/golden/profile_errors.csv";

struct Measurement {
  std::string hardware, model, quantity, source, note;
  int tokens, context, sequences;
  double measured;
};

std::vector<Measurement> ReadMeasurements() {
  const CsvFile file = CsvFile::Load(kMeasured);
  std::vector<Measurement> measurements;
  for (int row = 0; row < file.rows(); ++row) {
    const auto text = [&](const char* column) { return file.Text(row, file.ColumnIndex(column)); };
    const auto integer = [&](const char* column, int low) {
      return static_cast<int>(file.Integer(row, file.ColumnIndex(column), low, 1 << 20));
    };
    measurements.push_back({text("hardware"), text("model"), text("quantity"), text("source"),
                            text("note"), integer("tokens", 1), integer("context", 0),
                            integer("sequences", 1),
                            file.Number(row, file.ColumnIndex("measured"), Range::Positive())});
  }
  return measurements;
}

ModelShape ShapeOf(const std::string& name) {
  if (name == "qwen2.5-7b") return LikeLayers(name, 3584, 28, {28, 4, 128, 18944}, 152064, false);
  if (name == "llama-2-7b-half-heads") {
    ModelShape shape = FindModelShape("vicuna-7b");
    for (LayerShape& layer : shape.layers) layer.heads = layer.kv_heads = 16;
    return shape;
  }
  return FindModelShape(name);
}

double Modelled(const Measurement& m) {
  const HardwareMode hardware = FindHardware(m.hardware);
  const ModelShape shape = ShapeOf(m.model);
  const Roofline roofline(hardware, shape);
  if (m.quantity == "product_us") {
    return ToMicroseconds(roofline.Product(shape.LayerWeights(0, 1), m.tokens));
  }
  if (m.quantity == "embedding_us") return ToMicroseconds(roofline.Embedding(m.tokens));
  if (m.quantity == "linear_us") return ToMicroseconds(roofline.Linear(m.tokens));
  if (m.quantity == "overhead_us") {
    return ToMicroseconds(roofline.Linear(m.tokens) -
                          roofline.Product(shape.LayerWeights(0, 1), m.tokens));
  }
  if (m.quantity == "attention_us") {
    return ToMicroseconds(roofline.AttentionBase() +
                          m.sequences * roofline.Attention(m.tokens, m.context));
  }
  const CloudProfile profile(ModelProfile(hardware, shape, Role::kCloud));
  const Seconds pass = WholeModelPass(profile, m.tokens, m.context);
  if (m.quantity == "prefill_tokens_per_s") return m.tokens / pass.value();
  HAT_CHECK(m.quantity == "decode_ms" || m.quantity == "prefill_ms", m.quantity);
  return ToMilliseconds(pass);
}

std::string GoldenText() {
  std::string text =
      "hardware,model,quantity,tokens,context,sequences,measured,modelled,error_percent,source,"
      "note\n";
  for (const Measurement& m : ReadMeasurements()) {
    const double modelled = Modelled(m);
    text += fmt::format("{},{},{},{},{},{},{:.5g},{:.5g},{:+.1f},{},{}\n", m.hardware, m.model,
                        m.quantity, m.tokens, m.context, m.sequences, m.measured, modelled,
                        100 * (modelled / m.measured - 1), m.source, m.note);
  }
  return text;
}

TEST(GoldenErrorsTest, TheTableOfErrorsHasNotMoved) {
  const std::string text = GoldenText();
  if (std::getenv("HAT_UPDATE_GOLDEN") != nullptr) WriteFileAtomically(kGolden, text);
  EXPECT_EQ(ReadFile(kGolden), text)
      << "if the change is meant: HAT_UPDATE_GOLDEN=1, and say why in CHANGES.md";
}

// What the presets were made from: one decoder layer, and the prefill of the Orin.
TEST(GoldenErrorsTest, LayerAndPrefillTimesThatPresetsRestOnAreReproducedWithinTwelvePercent) {
  for (const Measurement& m : ReadMeasurements()) {
    if (m.quantity != "product_us" && m.quantity != "linear_us" && m.quantity != "prefill_ms")
      continue;
    EXPECT_NEAR(Modelled(m) / m.measured, 1, 0.12)
        << m.hardware << " " << m.quantity << " " << m.tokens;
  }
}

TEST(GoldenErrorsTest, DecodeStepsAreWithinSevenPercentOfFp16Measurements) {
  for (const Measurement& m : ReadMeasurements()) {
    if (m.quantity != "decode_ms" || m.hardware == "agx-xavier") continue;
    EXPECT_NEAR(Modelled(m) / m.measured, 1, 0.07) << m.hardware << " " << m.model;
  }
}

TEST(GoldenErrorsTest, DecodeAttentionOnTheA40IsWithinFifteenPercent) {
  for (const Measurement& m : ReadMeasurements()) {
    if (m.quantity != "attention_us" || m.hardware != "a40" || m.tokens > 1) continue;
    EXPECT_NEAR(Modelled(m) / m.measured, 1, 0.15) << m.context << " x " << m.sequences;
  }
}

}  // namespace
}  // namespace hat
