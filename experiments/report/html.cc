#include "experiments/report/html.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <optional>

#include "core/decimal.h"

namespace hat {
namespace {

constexpr const char* kStyle = R"(
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 1100px; padding: 0 16px 48px; color: #111; }
h1 { font-size: 1.5em; margin: 24px 0 8px; } h2 { font-size: 1.15em; margin: 32px 0 8px; }
img { max-width: 100%; height: auto; display: block; margin: 8px 0; }
.scroll { overflow-x: auto; margin: 8px 0; } table { border-collapse: collapse; font-size: 13px; }
th, td { border-bottom: 1px solid #ddd; padding: 3px 8px; text-align: left; white-space: nowrap; }
th { cursor: pointer; position: sticky; top: 0; background: #f4f4f4; } th[data-order="1"]::after { content: " ▲"; }
th[data-order="-1"]::after { content: " ▼"; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; background: #f7f7f7; padding: 8px; font-size: 12px; } summary { cursor: pointer; color: #0072b2; }
a { color: #0072b2; } .links a { margin-right: 12px; }
)";

// A click on a head sorts its table's rows by that column: numbers by value, empty cells last.
constexpr const char* kScript = R"(
for (const head of document.querySelectorAll("th")) head.addEventListener("click", () => {
  const table = head.closest("table"), column = head.cellIndex;
  const order = head.dataset.order === "1" ? -1 : 1;
  for (const other of table.querySelectorAll("th")) delete other.dataset.order;
  head.dataset.order = order;
  const value = row => row.cells[column].textContent.trim();
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => {
    const x = value(a), y = value(b);
    if (x === "" || y === "") return (x === "") - (y === "");
    const difference = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
    return order * difference;
  });
  table.tBodies[0].append(...rows);
});
)";

// Twelve digits are for programs.
std::string TableCell(std::string_view text) {
  const std::optional<double> number = ParseDecimal(text);
  std::string shown(text);
  if (number && text.size() > 8 && text.find('.') != std::string_view::npos) {
    shown = fmt::format("{:.5g}", *number);
  }
  return fmt::format("<td{}>{}</td>", number ? " class=\"number\"" : "", EscapedForHtml(shown));
}

}  // namespace

std::string EscapedForHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string Base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock adds a NUL
  const int size = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

void HtmlPage::Heading(std::string_view text) {
  body_ += fmt::format("<h2>{}</h2>\n", EscapedForHtml(text));
}

void HtmlPage::Paragraph(std::string_view text) {
  body_ += fmt::format("<p>{}</p>\n", EscapedForHtml(text));
}

void HtmlPage::Links(const std::vector<std::string>& files) {
  body_ += "<p class=\"links\">";
  for (const std::string& file : files) {
    body_ += fmt::format("<a href=\"{0}\">{0}</a> ", EscapedForHtml(file));
  }
  body_ += "</p>\n";
}

void HtmlPage::Table(const std::vector<std::vector<std::string>>& rows, size_t most) {
  if (rows.empty()) return;
  body_ += "<div class=\"scroll\"><table><thead><tr>";
  for (const std::string& name : rows.front()) {
    body_ += fmt::format("<th>{}</th>", EscapedForHtml(name));
  }
  body_ += "</tr></thead><tbody>\n";
  for (size_t i = 1; i < std::min(rows.size(), most + 1); ++i) {
    body_ += "<tr>";
    for (const std::string& cell : rows[i]) body_ += TableCell(cell);
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>\n";
  if (rows.size() <= most + 1) return;
  Paragraph(fmt::format("The first {} of {} rows; all are in the file.", most, rows.size() - 1));
}

void HtmlPage::Picture(std::string_view png, std::string_view alternative) {
  body_ += fmt::format("<img alt=\"{}\" src=\"data:image/png;base64,{}\">\n",
                       EscapedForHtml(alternative), Base64(png));
}

void HtmlPage::BeginFold(std::string_view line) {
  body_ += fmt::format("<details><summary>{}</summary>\n", EscapedForHtml(line));
}

void HtmlPage::EndFold() { body_ += "</details>\n"; }

void HtmlPage::Text(std::string_view text) {
  body_ += fmt::format("<pre>{}</pre>\n", EscapedForHtml(text));
}

std::string HtmlPage::Finish() const {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>{0}</title>\n<style>{1}</style>\n</head>\n"
      "<body>\n<h1>{0}</h1>\n{2}<script>{3}</script>\n</body>\n</html>\n",
      EscapedForHtml(title_), kStyle, body_, kScript);
}

}  // namespace hat
