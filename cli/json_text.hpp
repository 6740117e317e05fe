// json_text: appends JSON to a string, piece by piece.
//
// By hand, because a record is written for every job while jobs run: building
// a document first would cost more than the job's own bookkeeping. What is
// read goes through a real parser.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cli {

bool is_utf8(std::string_view bytes) noexcept;

// "text", with what JSON wants escaped. Pre: is_utf8(text).
void append_json_text(std::string& out, std::string_view text);

// The same for any bytes: what is no UTF-8 becomes {"b64":"..."}.
void append_json_bytes(std::string& out, std::string_view bytes);

// In full to the millionth, without zeros at the end; 0 for what JSON cannot
// say.
void append_json_number(std::string& out, double value);
void append_json_number(std::string& out, std::int64_t value);
void append_json_number(std::string& out, std::uint64_t value);

std::string to_base64(std::string_view bytes);
// None: this is no base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace cli
