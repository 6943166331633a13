#include "protocols/graph/graph_format.h"

#include "protocols/graph/text_fields.h"

namespace protocols {

Format format_of_name(std::string_view path) {
  if (path.ends_with(".gz")) path.remove_suffix(3);
  if (path.ends_with(".mtx")) return Format::matrix_market;
  return path.ends_with(".graph") || path.ends_with(".metis") ? Format::metis : Format::edges;
}

Format format_of(std::string_view path, std::string_view text) {
  constexpr std::string_view banner = "%%matrixmarket";
  return lower_case(text.substr(0, banner.size())) == banner ? Format::matrix_market : format_of_name(path);
}

}  // namespace protocols
