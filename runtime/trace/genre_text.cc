#include "runtime/trace/genre_text.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "core/error.h"
#include "core/files.h"
#include "core/utf8.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDocumentEnd = "\f\n";

GenreText ReadGenre(const fs::path& path) {
  const std::string text = ReadFile(path);
  if (!IsUtf8(text)) throw InputError("'" + path.string() + "' is not UTF-8 text");
  GenreText genre;
  genre.name = path.stem();
  size_t start = 0;
  while (start < text.size()) {
    size_t end = text.find(kDocumentEnd, start);
    while (end != std::string::npos && end > 0 && text[end - 1] != '\n') {
      end = text.find(kDocumentEnd, end + 1);
    }
    std::string document = text.substr(start, end - start);
    if (!document.empty()) genre.documents.push_back(std::move(document));
    start = end == std::string::npos ? text.size() : end + kDocumentEnd.size();
  }
  if (genre.documents.empty()) throw InputError("'" + path.string() + "' holds no text");
  return genre;
}

}  // namespace

std::vector<GenreText> ReadGenres(const std::string& path) {
  std::vector<fs::path> files;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    for (const auto& entry : fs::directory_iterator(path, error)) {
      if (entry.path().extension() == ".txt") files.push_back(entry.path());
    }
    if (files.empty()) throw InputError("'" + path + "' holds no *.txt file");
    std::sort(files.begin(), files.end());
  } else {
    files.push_back(path);
  }
  std::vector<GenreText> genres;
  for (const fs::path& file : files) genres.push_back(ReadGenre(file));
  return genres;
}

}  // namespace hat
