// A page of HTML that needs nothing beside it: style, script and pictures are in it. Its tables can
// be sorted by a click on a column's head.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hat {

class HtmlPage {
 public:
  explicit HtmlPage(std::string title) : title_(std::move(title)) {}

  void Heading(std::string_view text);
  void Paragraph(std::string_view text);
  // A line of links to files, relative to the page's folder.
  void Links(const std::vector<std::string>& files);
  // The first row is the head; rows beyond `most` are told, not shown.
  void Table(const std::vector<std::vector<std::string>>& rows, size_t most = 2000);
  // The bytes of a PNG file. `alternative`: what it shows, in words.
  void Picture(std::string_view png, std::string_view alternative);
  // What is between the two stands folded under a line.
  void BeginFold(std::string_view line);
  void EndFold();
  void Text(std::string_view text);  // as it stands: a scenario

  std::string Finish() const;  // the whole page

 private:
  std::string title_;
  std::string body_;
};

std::string EscapedForHtml(std::string_view text);
std::string Base64(std::string_view bytes);

}  // namespace hat
