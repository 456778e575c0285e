#include "runtime/convert/pickle.h"

#include <cstring>
#include <deque>
#include <iterator>
#include <unordered_map>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "core/error.h"
#include "core/utf8.h"

namespace hat {
namespace {

struct Nothing {};
struct Mark {};

// One of the few names that may be asked for.
enum class Callable { kRebuildTensor, kRebuildParameter, kDictionary };
struct StorageType {
  StoredType type;
};
struct Storage {
  StoredType type;
  std::string key;
};

// Containers belong to the machine, so that one may hold itself, and none is taken apart by
// recursion.
struct Value;
using Sequence = std::vector<Value>*;
using Pairs = std::vector<std::pair<Value, Value>>*;
struct Value {
  std::variant<Nothing, Mark, bool, int64_t, double, std::string, Sequence, Pairs, Callable,
               StorageType, Storage, PickledTensor>
      as;
};

constexpr std::pair<const char*, StoredType> kStorages[] = {
    {"DoubleStorage", StoredType::kFloat64}, {"FloatStorage", StoredType::kFloat32},
    {"HalfStorage", StoredType::kFloat16},   {"BFloat16Storage", StoredType::kBfloat16},
    {"LongStorage", StoredType::kInt64},     {"IntStorage", StoredType::kInt32},
    {"ByteStorage", StoredType::kUint8}};

constexpr size_t kMostValues = 1 << 22;  // on the stack and in the memo

// The machine of pickle protocols 2 to 5, as far as torch.save uses it.
class Machine {
 public:
  Machine(std::string_view pickle, const std::string& name) : pickle_(pickle), name_(name) {}

  Value Run() {
    while (true) {
      const auto code = static_cast<unsigned char>(Bytes(1)[0]);
      if (code == '.') return Pop();
      Step(code);
      if (stack_.size() + memo_.size() > kMostValues) Fail("is too large for a model's");
    }
  }

  [[noreturn]] void Fail(const std::string& problem) const {
    throw InputError(fmt::format("{}: its pickle {} (at byte {})", name_, problem, at_));
  }

 private:
  std::string_view Bytes(uint64_t count) {
    if (count > pickle_.size() - at_) Fail("is cut off");
    const std::string_view bytes = pickle_.substr(at_, static_cast<size_t>(count));
    at_ += bytes.size();
    return bytes;
  }

  template <typename T>
  T Number() {
    T value;
    std::memcpy(&value, Bytes(sizeof value).data(), sizeof value);
    return value;
  }

  std::string Line() {
    const size_t end = pickle_.find('\n', at_);
    if (end == std::string_view::npos) Fail("is cut off");
    std::string line(pickle_.substr(at_, end - at_));
    at_ = end + 1;
    return line;
  }

  void Push(Value value) { stack_.push_back(std::move(value)); }
  template <typename T>
  void PushAs(T value) {
    Push({std::move(value)});
  }

  Value Pop() {
    if (stack_.empty()) Fail("takes a value where there is none");
    Value value = std::move(stack_.back());
    stack_.pop_back();
    return value;
  }

  template <typename T>
  T PopAs(const char* what) {
    Value value = Pop();
    T* const as = std::get_if<T>(&value.as);
    if (as == nullptr) Fail(fmt::format("has something else where {} is wanted", what));
    return std::move(*as);
  }

  // The values above the last mark, which goes too.
  std::vector<Value> PopToMark() {
    for (size_t i = stack_.size(); i-- > 0;) {
      if (!std::holds_alternative<Mark>(stack_[i].as)) continue;
      std::vector<Value> values(
          std::make_move_iterator(stack_.begin() + static_cast<ptrdiff_t>(i) + 1),
          std::make_move_iterator(stack_.end()));
      stack_.resize(i);
      return values;
    }
    Fail("has no mark where one is wanted");
  }

  std::vector<Value> PopSome(size_t count) {
    std::vector<Value> values(count);
    while (count-- > 0) values[count] = Pop();
    return values;
  }

  void PushSequence(std::vector<Value> values) {
    PushAs(Sequence{&sequences_.emplace_back(std::move(values))});
  }

  void PushText(uint64_t bytes) {
    std::string text(Bytes(bytes));
    if (!IsUtf8(text)) Fail("has a text that is not UTF-8");
    PushAs(std::move(text));
  }

  void AddPairs(std::vector<Value> values) {
    if (values.size() % 2 != 0 || stack_.empty()) Fail("has a key without a value");
    Pairs* const pairs = std::get_if<Pairs>(&stack_.back().as);
    if (pairs == nullptr) Fail("puts a key into something else than a dictionary");
    for (size_t i = 0; i < values.size(); i += 2) {
      (*pairs)->emplace_back(std::move(values[i]), std::move(values[i + 1]));
    }
  }

  void AddItems(std::vector<Value> values) {
    Sequence* const items = stack_.empty() ? nullptr : std::get_if<Sequence>(&stack_.back().as);
    if (items == nullptr) Fail("appends to something else than a list");
    for (Value& value : values) (*items)->push_back(std::move(value));
  }

  void Step(unsigned char code);
  void Take(uint64_t place);
  void Keep(uint64_t place);
  void Named(const std::string& module, const std::string& word);
  void OpenStorage();
  void Call();
  PickledTensor Rebuilt(const std::vector<Value>& arguments) const;
  std::vector<int64_t> Extents(const Value& value) const;
  int64_t LongInteger();

  std::string_view pickle_;
  const std::string& name_;
  size_t at_ = 0;
  std::deque<std::vector<Value>> sequences_;
  std::deque<std::vector<std::pair<Value, Value>>> dictionaries_;
  std::vector<Value> stack_;
  std::unordered_map<uint64_t, Value> memo_;
};

// The codes of the protocols (Python's pickletools lists them).
void Machine::Step(unsigned char code) {
  switch (code) {
    case 0x80: {  // PROTO
      const auto version = Number<uint8_t>();
      if (version > 5) Fail(fmt::format("is of protocol {}; up to 5 are read", version));
      return;
    }
    case 0x95:  // FRAME
      Number<uint64_t>();
      return;
    case '(':
      return PushAs(Mark{});
    case '0':
      Pop();
      return;
    case 'N':
      return PushAs(Nothing{});
    case 0x88:
      return PushAs(true);
    case 0x89:
      return PushAs(false);
    case 'J':
      return PushAs(int64_t{Number<int32_t>()});
    case 'K':
      return PushAs(int64_t{Number<uint8_t>()});
    case 'M':
      return PushAs(int64_t{Number<uint16_t>()});
    case 0x8A:  // LONG1
      return PushAs(LongInteger());
    case 'G':  // BINFLOAT, which nothing here needs
      Bytes(8);
      return PushAs(0.0);
    case 'X':
      return PushText(Number<uint32_t>());
    case 0x8C:
      return PushText(Number<uint8_t>());
    case ')':
      return PushSequence({});
    case ']':
      return PushSequence({});
    case 't':
      return PushSequence(PopToMark());
    case 0x85:
      return PushSequence(PopSome(1));
    case 0x86:
      return PushSequence(PopSome(2));
    case 0x87:
      return PushSequence(PopSome(3));
    case 'a':
      return AddItems(PopSome(1));
    case 'e':
      return AddItems(PopToMark());
    case '}':
      return PushAs(Pairs{&dictionaries_.emplace_back()});
    case 's':
      return AddPairs(PopSome(2));
    case 'u':
      return AddPairs(PopToMark());
    case 'q':
      return Keep(Number<uint8_t>());
    case 'r':
      return Keep(Number<uint32_t>());
    case 0x94:
      return Keep(memo_.size());
    case 'h':
      return Take(Number<uint8_t>());
    case 'j':
      return Take(Number<uint32_t>());
    case 'c': {
      const std::string module = Line();
      return Named(module, Line());
    }
    case 0x93: {  // STACK_GLOBAL
      const auto word = PopAs<std::string>("a name");
      return Named(PopAs<std::string>("a module"), word);
    }
    case 'Q':
      return OpenStorage();
    case 'R':
      return Call();
    case 'b':  // BUILD: attributes of a dictionary (torch keeps _metadata there)
      Pop();
      PushAs(PopAs<Pairs>("a dictionary"));
      return;
    default:
      Fail(fmt::format("has the code 0x{:02x}, which tensors do not need", code));
  }
}

void Machine::Keep(uint64_t place) {
  if (stack_.empty()) Fail("keeps a value where there is none");
  memo_[place] = stack_.back();
}

void Machine::Take(uint64_t place) {
  const auto found = memo_.find(place);
  if (found == memo_.end()) Fail("takes a value that it has not kept");
  Push(found->second);
}

int64_t Machine::LongInteger() {
  const auto count = Number<uint8_t>();
  if (count > 8) Fail("has a number of more than 64 bits");
  const std::string_view bytes = Bytes(count);
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    value |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  const bool is_negative = count > 0 && (bytes.back() & 0x80) != 0;
  if (is_negative && count < 8) value |= ~uint64_t{0} << (8 * count);
  return static_cast<int64_t>(value);
}

void Machine::Named(const std::string& module, const std::string& word) {
  if (module == "torch._utils" && word == "_rebuild_tensor_v2") {
    return PushAs(Callable::kRebuildTensor);
  }
  if (module == "torch._utils" && word == "_rebuild_parameter") {
    return PushAs(Callable::kRebuildParameter);
  }
  if (module == "collections" && word == "OrderedDict") return PushAs(Callable::kDictionary);
  for (const auto& [name, type] : kStorages) {
    if (module == "torch" && word == name) return PushAs(StorageType{type});
  }
  Fail(fmt::format("asks for {}.{}; only tensors are read, and nothing is run", module, word));
}

// ("storage", type, key, where, values)
void Machine::OpenStorage() {
  const auto parts = PopAs<Sequence>("a storage");
  const auto part = [&]<typename T>(size_t i, T*) {
    return parts->size() == 5 ? std::get_if<T>(&(*parts)[i].as) : nullptr;
  };
  const auto* const type = part(1, static_cast<StorageType*>(nullptr));
  const auto* const key = part(2, static_cast<std::string*>(nullptr));
  if (type == nullptr || key == nullptr) Fail("has a storage of an unknown form");
  PushAs(Storage{type->type, *key});
}

void Machine::Call() {
  const auto arguments = PopAs<Sequence>("a tuple of arguments");
  switch (PopAs<Callable>("what may be called")) {
    case Callable::kDictionary:
      if (!arguments->empty()) Fail("has an ordered dictionary with items of its own");
      return PushAs(Pairs{&dictionaries_.emplace_back()});
    case Callable::kRebuildParameter:
      if (arguments->empty()) Fail("has a parameter without a tensor");
      return Push((*arguments)[0]);
    case Callable::kRebuildTensor:
      return PushAs(Rebuilt(*arguments));
  }
}

std::vector<int64_t> Machine::Extents(const Value& value) const {
  const auto* const sequence = std::get_if<Sequence>(&value.as);
  if (sequence == nullptr) Fail("has a tensor of an unknown form");
  std::vector<int64_t> extents;
  for (const Value& one : **sequence) {
    const auto* const extent = std::get_if<int64_t>(&one.as);
    if (extent == nullptr || *extent < 0) Fail("has a tensor of an impossible shape");
    extents.push_back(*extent);
  }
  return extents;
}

// (storage, offset, shape, strides, ...)
PickledTensor Machine::Rebuilt(const std::vector<Value>& arguments) const {
  if (arguments.size() < 4) Fail("has a tensor of an unknown form");
  const auto* const storage = std::get_if<Storage>(&arguments[0].as);
  const auto* const offset = std::get_if<int64_t>(&arguments[1].as);
  if (storage == nullptr || offset == nullptr || *offset < 0)
    Fail("has a tensor of an unknown form");
  PickledTensor tensor{storage->type, storage->key, *offset, Extents(arguments[2]),
                       Extents(arguments[3])};
  if (tensor.shape.size() != tensor.strides.size()) Fail("has a tensor of an impossible shape");
  return tensor;
}

}  // namespace

std::map<std::string, PickledTensor> ReadPickledTensors(std::string_view pickle,
                                                        const std::string& name) {
  Machine machine(pickle, name);
  const Value value = machine.Run();
  const auto* const pairs = std::get_if<Pairs>(&value.as);
  if (pairs == nullptr) machine.Fail("is no dictionary of tensors");
  std::map<std::string, PickledTensor> tensors;
  for (const auto& [key, tensor] : **pairs) {
    const auto* const word = std::get_if<std::string>(&key.as);
    const auto* const as_tensor = std::get_if<PickledTensor>(&tensor.as);
    if (word == nullptr || as_tensor == nullptr) machine.Fail("is no dictionary of tensors alone");
    tensors[*word] = *as_tensor;
  }
  return tensors;
}

}  // namespace hat
