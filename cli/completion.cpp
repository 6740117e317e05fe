#include "cli/completion.hpp"

#include "cli/help_text.hpp"
#include "cli/usage_error.hpp"

#include <algorithm>

namespace cli {

namespace {

using form = options::form;

std::string joined(const std::vector<std::string>& words)
{
    std::string line;
    for (const std::string& word : words)
        line += (line.empty() ? "" : " ") + word;
    return line;
}

// All names of a form's options.
std::string option_names(form of)
{
    std::vector<std::string> names;
    for (const option_text& option : options_of(of))
        for (const std::string_view name : names_of(option))
            names.emplace_back(name);
    return joined(names);
}

// "-j|--jobs", for a case of a shell.
std::string as_pattern(const option_text& option)
{
    std::string pattern(option.names);
    std::replace(pattern.begin(), pattern.end(), ',', '|');
    return pattern;
}

bool takes_next_word(const option_text& option)
{
    return !option.value.empty() &&
           option.takes == option_text::taking::required;
}

// --- bash --------------------------------------------------------------------

// A function for each form: does the word take the next one, and which words
// does it take?
std::string bash_values(form of)
{
    std::string cases;
    std::string others;
    for (const option_text& option : options_of(of)) {
        if (!takes_next_word(option))
            continue;
        const std::string pattern = as_pattern(option);
        if (option.completes == "file")
            cases += "        " + pattern + ") compgen -f -- \"$2\" ;;\n";
        else if (option.completes == "dir")
            cases += "        " + pattern + ") compgen -d -- \"$2\" ;;\n";
        else if (!option.completes.empty())
            cases += "        " + pattern + ") IFS=' ' compgen -W '" +
                     std::string(option.completes) + "' -- \"$2\" ;;\n";
        else
            others += (others.empty() ? "" : "|") + pattern;
    }
    if (!others.empty())
        cases += "        " + others + ") ;;\n";
    return "_brood_values_" + std::string(to_string(of)) +
           "()\n{\n    case $1 in\n" + cases +
           "        *) return 1 ;;\n    esac\n    return 0\n}\n\n";
}

std::string bash_script()
{
    std::string script = "# bash completion for brood; made by: brood "
                         "completion bash\n\n";
    std::string names;
    for (const form_text& text : form_texts()) {
        script += bash_values(text.form);
        names += "        " + std::string(to_string(text.form)) +
                 ") options='" + option_names(text.form) + "' ;;\n";
    }
    return script + R"(_brood()
{
    local word=${COMP_WORDS[COMP_CWORD]} form=each options i=1
    local IFS=$'\n'
    COMPREPLY=()
    case ${COMP_WORDS[1]} in
        each | all | one | xargs | report)
            if ((COMP_CWORD > 1)); then form=${COMP_WORDS[1]} i=2; fi ;;
    esac
    case $form in
)" + names +
           R"(    esac
    # Where the options end, the words are the command's own.
    while ((i < COMP_CWORD)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            ((i++))
            break
        elif [[ ${COMP_WORDS[i]} != -?* ]]; then
            # The file of report may stand before its options.
            [[ $form == report ]] || break
        elif "_brood_values_$form" "${COMP_WORDS[i]}" '' >/dev/null; then
            if ((i + 1 == COMP_CWORD)); then
                COMPREPLY=($("_brood_values_$form" "${COMP_WORDS[i]}" \
                    "$word"))
                return
            fi
            ((i++))
        fi
        ((i++))
    done
    if ((i < COMP_CWORD)); then
        compopt -o default 2>/dev/null
        COMPREPLY=($(compgen -f -- "$word"))
    elif [[ $word == -* ]]; then
        IFS=' '
        COMPREPLY=($(compgen -W "$options" -- "$word"))
    elif [[ $form == report ]]; then
        COMPREPLY=($(compgen -f -- "$word"))
    else
        COMPREPLY=($(compgen -c -- "$word"))
        if ((COMP_CWORD == 1)); then
            IFS=' '
            COMPREPLY+=($(compgen -W 'each all one xargs report' -- "$word"))
        fi
    fi
}
complete -F _brood brood
)";
}

// --- zsh ---------------------------------------------------------------------

// In single quotes, with the characters that _arguments reads escaped.
std::string zsh_text(std::string_view text)
{
    std::string escaped;
    for (const char c : text) {
        if (c == '\'')
            escaped += "'\\''";
        else if (c == '[' || c == ']' || c == ':' || c == '\\')
            escaped += std::string("\\") + c;
        else
            escaped += c;
    }
    return escaped;
}

std::string zsh_action(const option_text& option)
{
    if (option.completes == "file")
        return "_files";
    if (option.completes == "dir")
        return "_files -/";
    if (option.completes.empty() || option.completes == ":")
        return " ";
    return "(" + std::string(option.completes) + ")";
}

std::string zsh_options(form of)
{
    std::string lines;
    for (const option_text& option : options_of(of)) {
        // The first sentence is enough.
        std::string_view text = option.text;
        text = text.substr(0, text.find(". "));
        if (text.ends_with('.'))
            text.remove_suffix(1);
        for (const std::string_view name : names_of(option)) {
            lines += "        '*" + std::string(name);
            if (takes_next_word(option))
                lines += name.starts_with("--") ? "=" : "+";
            lines += "[" + zsh_text(text) + "]";
            if (takes_next_word(option))
                lines +=
                    ":" + zsh_text(option.value) + ":" + zsh_action(option);
            lines += "'\n";
        }
    }
    return lines;
}

std::string zsh_script()
{
    std::string script = "#compdef brood\n"
                         "# zsh completion for brood; made by: brood "
                         "completion zsh\n\n";
    std::string forms;
    for (const form_text& text : form_texts()) {
        const std::string name(to_string(text.form));
        script +=
            "_brood_" + name + "()\n{\n    local -a known=(\n" +
            zsh_options(text.form) + "    )\n    _arguments -s -S " +
            (text.form == form::report ? "$known '1:report:_files'"
                                       : "$known '1:command:_command_names -e' "
                                         "'*::argument:_normal'") +
            "\n}\n\n";
        forms += "        '" + name + ":" + zsh_text(text.headline) + "'\n";
    }
    return script + R"(_brood()
{
    local -a forms=(
)" + forms +
           R"(    )
    case ${words[2]} in
        each|all|one|xargs|report)
            if (( CURRENT > 2 )); then
                local form=${words[2]}
                shift words
                (( CURRENT-- ))
                _brood_$form
                return
            fi ;;
    esac
    (( CURRENT == 2 )) && _describe 'form' forms
    _brood_each
}

if [[ $funcstack[1] == _brood ]]; then
    _brood "$@"
else
    compdef _brood brood
fi
)";
}

// --- fish --------------------------------------------------------------------

std::string fish_quoted(std::string_view text)
{
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\')
            quoted += '\\';
        quoted += c;
    }
    return quoted + "'";
}

std::string fish_option(form of, const option_text& option)
{
    std::string line = "complete -c brood -n '__brood_form ";
    line += to_string(of);
    line += "'";
    for (const std::string_view name : names_of(option)) {
        if (name.starts_with("--"))
            line += " -l " + std::string(name.substr(2));
        else
            line += " -s " + std::string(name.substr(1));
    }
    if (takes_next_word(option)) {
        line += option.completes == "file" || option.completes == "dir"
                    ? " -r -F"
                    : " -x";
        if (line.ends_with("-x") && !option.completes.empty())
            line += " -a " + fish_quoted(option.completes);
    }
    std::string_view text = option.text;
    text = text.substr(0, text.find(". "));
    return line + " -d " + fish_quoted(text) + "\n";
}

std::string fish_script()
{
    std::string script =
        R"(# fish completion for brood; made by: brood completion fish

# The form that is being typed, while its options are.
function __brood_form
    set -l words (commandline -opc)
    set -l form each
    if set -q words[2]; and contains -- $words[2] each all one xargs report
        set form $words[2]
        set -e words[2]
    end
    test "$form" = "$argv[1]"
end

function __brood_first
    test (count (commandline -opc)) -eq 1
end

)";
    for (const form_text& text : form_texts())
        script += "complete -c brood -n __brood_first -a " +
                  std::string(to_string(text.form)) + " -d " +
                  fish_quoted(text.headline) + "\n";
    for (const form_text& text : form_texts())
        for (const option_text& option : options_of(text.form))
            script += fish_option(text.form, option);
    return script;
}

}  // namespace

std::string completion_script(std::string_view shell)
{
    if (shell == "bash")
        return bash_script();
    if (shell == "zsh")
        return zsh_script();
    if (shell == "fish")
        return fish_script();
    throw usage_error("completion: '" + std::string(shell) +
                      "' is no shell that it knows; give bash, zsh or fish, "
                      "such as: brood completion bash");
}

}  // namespace cli
