// Text for training and measuring, as it lies in files. Free of torch.
#pragma once

#include <string>
#include <vector>

namespace hat {

struct GenreText {
  std::string name;
  std::vector<std::string> documents;  // none of them empty; at least one
};

// A file of UTF-8 text is one genre, named after it without its ending; of a folder every *.txt
// file is one, in the order of their names. A line that holds only a form feed ends a document.
// Throws InputError: unreadable, not UTF-8, no text.
std::vector<GenreText> ReadGenres(const std::string& path);

}  // namespace hat
