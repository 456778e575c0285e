// The file of a draft trace (docs/formats.md), all numbers little-endian:
//   8 bytes        "HATDRAFT"
//   u32            length of the header
//   header         JSON: schema, model, model_sha256, prompts_sha256, rows, output_tokens (N),
//                  max_steps (D), medusa_heads (M), drafter where it is not "adapter"
//   rows x u32     prompt tokens
//   rows x (N - 1) records: D x float32 confidences, u16 agreed, u16 rank, M x u16 Medusa ranks;
//                  confidences and ranks of tokens after N are 0
//   32 bytes       SHA-256 of all before it
#include <fmt/format.h>

#include <bit>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/hex.h"
#include "core/strict_json.h"
#include "experiments/traces/draft_trace.h"

namespace hat {
namespace {

constexpr std::string_view kMagic = "HATDRAFT";
constexpr int kSchema = 1;
constexpr size_t kMaxHeaderBytes = 1 << 16;
constexpr size_t kChecksumBytes = 32;
constexpr size_t kMaxFileBytes = size_t{4} << 30;

std::string Checksum(std::string_view bytes) { return *BytesOfHex(Sha256Hex(bytes)); }

class Writer {
 public:
  void Text(std::string_view text) { bytes_ += text; }
  void Number(uint32_t value, int width) {
    for (int i = 0; i < width; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  }
  void Float(float value) { Number(std::bit_cast<uint32_t>(value), 4); }
  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_;
};

// The caller knows that there is enough left.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  std::string_view Text(size_t length) {
    const std::string_view text = bytes_.substr(0, length);
    bytes_.remove_prefix(length);
    return text;
  }
  uint32_t Number(int width) {
    uint32_t value = 0;
    for (int i = 0; i < width; ++i)
      value |= uint32_t{static_cast<unsigned char>(bytes_[static_cast<size_t>(i)])} << (8 * i);
    bytes_.remove_prefix(static_cast<size_t>(width));
    return value;
  }
  float Float() { return std::bit_cast<float>(Number(4)); }
  size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

struct Header {
  DraftTraceInfo info;
  uint64_t rows = 0;

  // Cannot overflow within the ranges of ParseHeader.
  uint64_t BodyBytes() const {
    const auto record = static_cast<uint64_t>(4 * info.max_steps + 4 + 2 * info.medusa_heads);
    return rows * (4 + static_cast<uint64_t>(info.output_tokens - 1) * record);
  }
};

Header ParseHeader(std::string_view text, const std::string& name) {
  const nlohmann::json json = ParseJson(std::string(text), name);
  const JsonNode node(json, name);
  node.At("schema").Integer(kSchema, kSchema);
  node.AllowOnly({"schema", "model", "model_sha256", "prompts_sha256", "rows", "output_tokens",
                  "max_steps", "medusa_heads", "drafter"});
  const auto integer = [&](const char* key, int64_t low, int64_t high) {
    return static_cast<int>(node.At(key).Integer(low, high));
  };
  Header header;
  header.info.model = node.At("model").String();
  header.info.model_sha256 = node.At("model_sha256").String();
  header.info.prompts_sha256 = node.At("prompts_sha256").String();
  header.info.output_tokens = integer("output_tokens", 1, DraftTraceInfo::kMaxOutputTokens);
  header.info.max_steps = integer("max_steps", 0, DraftTraceInfo::kMaxSteps);
  header.info.medusa_heads = integer("medusa_heads", 0, DraftTraceInfo::kMaxMedusaHeads);
  if (node.Has("drafter")) header.info.drafter = node.At("drafter").String();
  header.rows = static_cast<uint64_t>(integer("rows", 1, 1'000'000'000));
  return header;
}

void RequireZero(bool is_zero) {
  if (!is_zero) throw InputError("a value for a token after the last is not 0");
}

void ReadRecord(Reader& reader, int row, int t, DraftTrace& trace) {
  std::vector<float> confidences;
  for (int j = 0; j < trace.info().max_steps; ++j) confidences.push_back(reader.Float());
  const auto agreed = static_cast<int>(reader.Number(2));
  const auto rank = static_cast<int>(reader.Number(2));
  std::vector<uint16_t> medusa;
  for (int j = 0; j < trace.info().medusa_heads; ++j)
    medusa.push_back(static_cast<uint16_t>(reader.Number(2)));
  const auto steps = static_cast<size_t>(trace.StepsAt(t));
  const auto heads = static_cast<size_t>(trace.HeadsAt(t));
  for (size_t j = steps; j < confidences.size(); ++j)
    RequireZero(std::bit_cast<uint32_t>(confidences[j]) == 0);
  for (size_t j = heads; j < medusa.size(); ++j) RequireZero(medusa[j] == 0);
  trace.Set(row, t,
            {std::span(confidences).first(steps), agreed, rank, std::span(medusa).first(heads)});
}

}  // namespace

std::string DraftTrace::ToBytes() const {
  nlohmann::json header = {{"schema", kSchema},
                           {"model", info_.model},
                           {"model_sha256", info_.model_sha256},
                           {"prompts_sha256", info_.prompts_sha256},
                           {"rows", rows()},
                           {"output_tokens", info_.output_tokens},
                           {"max_steps", info_.max_steps},
                           {"medusa_heads", info_.medusa_heads}};
  if (info_.drafter != DraftTraceInfo().drafter) header["drafter"] = info_.drafter;
  const std::string text = header.dump();
  if (text.size() > kMaxHeaderBytes) throw InputError("'model' is too long for a draft trace");
  Writer writer;
  writer.Text(kMagic);
  writer.Number(static_cast<uint32_t>(text.size()), 4);
  writer.Text(text);
  for (const int tokens : prompt_tokens_) writer.Number(static_cast<uint32_t>(tokens), 4);
  const auto steps = static_cast<size_t>(info_.max_steps);
  const auto heads = static_cast<size_t>(info_.medusa_heads);
  for (size_t i = 0; i < agreed_.size(); ++i) {
    for (size_t j = 0; j < steps; ++j) writer.Float(confidences_[i * steps + j]);
    writer.Number(agreed_[i], 2);
    writer.Number(mismatch_rank_[i], 2);
    for (size_t j = 0; j < heads; ++j) writer.Number(medusa_ranks_[i * heads + j], 2);
  }
  writer.Text(Checksum(writer.bytes()));
  return std::move(writer.bytes());
}

DraftTrace DraftTrace::FromBytes(std::string_view bytes, const std::string& name) {
  const auto fail = [&](const std::string& problem) {
    throw InputError(fmt::format("{}: {}", name, problem));
  };
  const size_t fixed = kMagic.size() + 4 + kChecksumBytes;
  if (!bytes.starts_with(kMagic)) fail("not a draft trace (it does not begin with 'HATDRAFT')");
  if (bytes.size() < fixed) fail("truncated");
  const std::string_view content = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (Checksum(content) != bytes.substr(content.size()))
    fail("truncated or changed: its checksum does not match");
  Reader reader(content.substr(kMagic.size()));
  const size_t header_bytes = reader.Number(4);
  if (header_bytes > kMaxHeaderBytes || header_bytes > reader.left())
    fail(fmt::format("its header cannot be {} bytes long", header_bytes));
  const Header header = ParseHeader(reader.Text(header_bytes), name);
  if (header.BodyBytes() != reader.left())
    fail(fmt::format("its header asks for {} bytes of rows, there are {}", header.BodyBytes(),
                     reader.left()));
  try {
    std::vector<int> prompt_tokens;
    for (uint64_t row = 0; row < header.rows; ++row)
      prompt_tokens.push_back(static_cast<int>(reader.Number(4)));
    DraftTrace trace(header.info, std::move(prompt_tokens));
    for (int row = 0; row < trace.rows(); ++row) {
      for (int t = 1; t < header.info.output_tokens; ++t) {
        try {
          ReadRecord(reader, row, t, trace);
        } catch (const InputError& error) {
          throw InputError(fmt::format("prompt row {}, t = {}: {}", row, t, error.what()));
        }
      }
    }
    return trace;
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", name, error.what()));
  }
}

DraftTrace DraftTrace::Load(const std::string& path) {
  const std::string bytes = ReadFile(path, kMaxFileBytes);
  DraftTrace trace = FromBytes(bytes, path);
  trace.sha256_ = Sha256Hex(bytes);
  return trace;
}

void DraftTrace::Save(const std::string& path) const { WriteFileAtomically(path, ToBytes()); }

}  // namespace hat
