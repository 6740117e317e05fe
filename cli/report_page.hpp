// report_page: the parts of the page that --to html writes.
//
// Their sources are in report_page/; the build makes one C++ file of them.

#pragma once

#include <string_view>

namespace cli {

// With @style@, @script@ and @data@ where these belong.
extern const std::string_view report_page_html;
extern const std::string_view report_page_style;
extern const std::string_view report_page_script;

}  // namespace cli
