// program_search.cpp: the files that a program's name may stand for.

#include "core/program_search.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

using brood::core::default_path;
using brood::core::program_candidates;
using strings = std::vector<std::string>;

TEST(program_search, tries_the_directories_of_path_in_order)
{
    EXPECT_EQ(program_candidates("ls", "/usr/local/bin:/usr/bin:/bin"),
              strings({"/usr/local/bin/ls", "/usr/bin/ls", "/bin/ls"}));
    EXPECT_EQ(program_candidates("ls", "/bin"), strings({"/bin/ls"}));
    EXPECT_EQ(program_candidates("ls", "/bin:/bin"),
              strings({"/bin/ls", "/bin/ls"}));
}

TEST(program_search, never_looks_in_the_current_directory)
{
    // An empty entry means the current directory to execvp(3).
    for (const std::string_view path :
         {":/bin", "/bin:", "::/bin", "/bin::", ":::/bin:::", ".:/bin",
          "/bin:.", "bin:/bin", "..:/bin:../bin", "./:/bin", "~/bin:/bin"})
        EXPECT_EQ(program_candidates("ls", path), strings({"/bin/ls"})) << path;
}

TEST(program_search, finds_no_candidate_where_no_entry_is_absolute)
{
    for (const std::string_view path : {"", ":", "::", ".", "bin:.:.."})
        EXPECT_EQ(program_candidates("ls", path), strings()) << path;
}

TEST(program_search, takes_a_program_with_a_slash_as_it_is)
{
    for (const std::string_view program :
         {"/bin/ls", "./ls", "bin/ls", "../ls", "/", "ls/"})
        EXPECT_EQ(program_candidates(program, "/usr/bin:/bin"),
                  strings({std::string(program)}))
            << program;
}

TEST(program_search, puts_one_slash_between_directory_and_program)
{
    EXPECT_EQ(program_candidates("ls", "/bin/:/:/usr//"),
              strings({"/bin/ls", "/ls", "/usr//ls"}));
}

TEST(program_search, passes_every_other_byte_through)
{
    EXPECT_EQ(program_candidates("a b\xff", "/with blank:/\xfe*$"),
              strings({"/with blank/a b\xff", "/\xfe*$/a b\xff"}));
}

TEST(program_search, has_a_default_without_the_current_directory)
{
    EXPECT_EQ(program_candidates("sh", default_path),
              strings({"/bin/sh", "/usr/bin/sh"}));
}

}  // namespace
