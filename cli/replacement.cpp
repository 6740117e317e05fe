#include "cli/replacement.hpp"

#include "cli/quantities.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace cli {

namespace {

std::string_view without_folder(std::string_view value)
{
    const std::size_t slash = value.rfind('/');
    return slash == std::string_view::npos ? value : value.substr(slash + 1);
}

// A point in a folder's name starts no extension.
std::string_view without_extension(std::string_view value)
{
    const std::size_t point = value.rfind('.');
    const std::size_t slash = value.rfind('/');
    if (point == std::string_view::npos ||
        (slash != std::string_view::npos && slash > point))
        return value;
    return value.substr(0, point);
}

// As dirname(1): slashes at the end say nothing.
std::string_view folder_of(std::string_view value)
{
    const std::size_t last = value.find_last_not_of('/');
    if (last == std::string_view::npos)
        return value.empty() ? "." : "/";
    const std::size_t slash = value.rfind('/', last);
    if (slash == std::string_view::npos)
        return ".";
    const std::size_t end = value.find_last_not_of('/', slash);
    return end == std::string_view::npos ? "/" : value.substr(0, end + 1);
}

// The part that a placeholder ends with: "/." of "2/."; takes it off.
value_part take_part(std::string_view& inside)
{
    constexpr std::pair<std::string_view, value_part> suffixes[] = {
        {"//", value_part::folder},
        {"/.", value_part::bare_name},
        {"/", value_part::file_name},
        {".", value_part::no_extension},
    };
    for (const auto& [suffix, part] : suffixes) {
        if (inside.ends_with(suffix)) {
            inside.remove_suffix(suffix.size());
            return part;
        }
    }
    return value_part::whole;
}

const std::string* value_at(const std::vector<std::string>& values,
                            int position)
{
    const int size = static_cast<int>(values.size());
    const int index = position > 0 ? position - 1 : size + position;
    if (index < 0 || index >= size)
        return nullptr;
    return &values[static_cast<std::size_t>(index)];
}

}  // namespace

std::string part_of(std::string_view value, value_part part)
{
    switch (part) {
    case value_part::whole: break;
    case value_part::no_extension: return std::string(without_extension(value));
    case value_part::file_name: return std::string(without_folder(value));
    case value_part::folder: return std::string(folder_of(value));
    case value_part::bare_name:
        return std::string(without_extension(without_folder(value)));
    }
    return std::string(value);
}

void word_template::add_text(std::string_view text)
{
    if (text.empty())
        return;
    if (pieces_.empty() || pieces_.back().what != piece::kind::text)
        pieces_.emplace_back();
    pieces_.back().text += text;
}

// Takes what stands between { and }; false: it is no placeholder.
bool word_template::read_placeholder(std::string_view inside,
                                     const std::vector<std::string>& names)
{
    piece found;
    // A header's name may itself end like a part of a value.
    auto name = std::find(names.begin(), names.end(), inside);
    if (inside == "#" || inside == "%") {
        found.what = inside == "#" ? piece::kind::seq : piece::kind::slot;
        pieces_.push_back(found);
        return true;
    }
    if (name == names.end() || inside.empty()) {
        found.part = take_part(inside);
        name = std::find(names.begin(), names.end(), inside);
    }
    if (inside.empty()) {
        found.what = piece::kind::all;
    } else if (name != names.end()) {
        found.what = piece::kind::one;
        found.position = static_cast<int>(name - names.begin()) + 1;
    } else {
        const auto position = parse_integer(inside);
        if (!position || *position == 0)
            return false;
        found.what = piece::kind::one;
        found.position = *position;
    }
    pieces_.push_back(found);
    return true;
}

word_template::word_template(std::string_view text, std::string_view replace,
                             const std::vector<std::string>& names)
{
    while (!text.empty()) {
        const std::size_t brace = text.find('{');
        const std::size_t own =
            replace == "{}" ? std::string_view::npos : text.find(replace);
        if (own != std::string_view::npos && own <= brace) {
            add_text(text.substr(0, own));
            read_placeholder("", {});
            text.remove_prefix(own + replace.size());
            continue;
        }
        const std::size_t end =
            brace == std::string_view::npos ? brace : text.find('}', brace);
        if (end == std::string_view::npos) {
            add_text(text);
            break;
        }
        add_text(text.substr(0, brace));
        const std::string_view inside = text.substr(brace + 1, end - brace - 1);
        // With -I, {} itself is nothing special.
        const bool plain = inside.empty() && replace != "{}";
        if (plain || !read_placeholder(inside, names)) {
            // The next one may begin inside: "{a{}".
            add_text("{");
            text.remove_prefix(brace + 1);
        } else {
            text.remove_prefix(end + 1);
        }
    }
}

bool word_template::has_placeholder() const noexcept
{
    return std::any_of(pieces_.begin(), pieces_.end(), [](const piece& one) {
        return one.what != piece::kind::text;
    });
}

void word_template::quote_for_shell()
{
    shell_line line;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
        piece& each = pieces_[i];
        std::string_view rest;
        if (i + 1 < pieces_.size())
            rest = pieces_[i + 1].text;
        switch (each.what) {
        case piece::kind::text: line.read(each.text); break;
        case piece::kind::all:
        case piece::kind::one: each.place = line.value(rest); break;
        case piece::kind::seq:
        case piece::kind::slot: each.place = line.number(rest); break;
        }
    }
}

std::string word_template::fill(const filling& with) const
{
    std::string result;
    const auto add = [&](std::string_view value, const piece& of,
                         bool first = true) {
        const std::string text = part_of(value, of.part);
        if (!of.place) {
            result += text;
            return;
        }
        shell_place place = *of.place;
        place.after_name = place.after_name && first;
        result += shell_text(text, place);
    };
    for (const piece& one : pieces_) {
        switch (one.what) {
        case piece::kind::text: result += one.text; break;
        case piece::kind::all:
            for (std::size_t i = 0; i < with.values.size(); ++i) {
                if (i > 0)
                    result += ' ';
                add(with.values[i], one, i == 0);
            }
            break;
        case piece::kind::one:
            if (const auto* value = value_at(with.values, one.position))
                add(*value, one);
            break;
        case piece::kind::seq: add(std::to_string(with.seq), one); break;
        case piece::kind::slot: add(std::to_string(with.slot), one); break;
        }
    }
    return result;
}

void word_template::append_words(const filling& with,
                                 std::vector<std::string>& words) const
{
    if (pieces_.size() == 1 && pieces_[0].what == piece::kind::all) {
        for (const std::string& value : with.values)
            words.push_back(part_of(value, pieces_[0].part));
        return;
    }
    if (pieces_.size() == 1 && pieces_[0].what == piece::kind::one &&
        value_at(with.values, pieces_[0].position) == nullptr)
        return;
    words.push_back(fill(with));
}

command_template::command_template(const std::vector<std::string>& words,
                                   bool shell, std::string_view replace,
                                   const std::vector<std::string>& names)
    : shell_(shell)
{
    // A shell gets its words as one line, as they were typed.
    std::vector<std::string> texts = words;
    if (shell && !words.empty()) {
        texts.assign(1, words[0]);
        for (std::size_t i = 1; i < words.size(); ++i)
            texts[0] += ' ' + words[i];
    }
    for (const std::string& text : texts)
        words_.emplace_back(text, replace, names);
    if (std::none_of(words_.begin(), words_.end(),
                     [](const auto& one) { return one.has_placeholder(); })) {
        if (shell && !words_.empty())
            words_[0] = word_template(texts[0] + " {}", "{}", names);
        else
            words_.emplace_back("{}", "{}", names);
    }
    // Without a word the value is the line, and not a part of it.
    if (shell && !words.empty())
        words_[0].quote_for_shell();
}

std::vector<std::string> command_template::fill(const filling& with) const
{
    std::vector<std::string> argv;
    if (shell_) {
        argv = {"/bin/sh", "-c"};
        argv.push_back(words_[0].fill(with));
        return argv;
    }
    for (const word_template& word : words_)
        word.append_words(with, argv);
    return argv;
}

}  // namespace cli
