// mount_info.cpp: where the kernel says that things are mounted.
#include "os/linux/mount_info.hpp"

#include <string>

#include <gtest/gtest.h>

namespace {

using brood::os::cgroup2_mount_point;

std::string line(const std::string& root, const std::string& point,
                 const std::string& type)
{
    return "36 35 0:31 " + root + " " + point + " rw,nosuid shared:9 - " +
           type + " " + type + " rw\n";
}

TEST(mount_info, tells_where_the_cgroups_are)
{
    const auto others = line("/", "/", "ext4") + line("/", "/proc", "proc") +
                        line("/", "/sys/fs/cgroup/cpu", "cgroup");
    EXPECT_EQ(cgroup2_mount_point(others), "");
    EXPECT_EQ(cgroup2_mount_point(others +
                                  line("/", "/sys/fs/cgroup", "cgroup2") +
                                  line("/", "/second", "cgroup2")),
              "/sys/fs/cgroup");
    EXPECT_EQ(cgroup2_mount_point(""), "");
}

TEST(mount_info, passes_over_a_mount_of_a_part)
{
    const auto part = line("/user.slice", "/part", "cgroup2");
    EXPECT_EQ(cgroup2_mount_point(part), "");
    EXPECT_EQ(cgroup2_mount_point(part + line("/", "/whole", "cgroup2")),
              "/whole");
}

TEST(mount_info, reads_a_path_as_it_was_before_the_kernel_wrote_it)
{
    const auto point = [](const std::string& written) {
        return cgroup2_mount_point(line("/", written, "cgroup2"));
    };
    EXPECT_EQ(point("/my\\040groups"), "/my groups");
    EXPECT_EQ(point("/a\\011b\\012c\\134d\\040"), "/a\tb\nc\\d ");
    EXPECT_EQ(point("/\\134040"), "/\\040");
    EXPECT_EQ(point("/gr\xc3\xbc\xc3\x9f"
                    "e"),
              "/gr\xc3\xbc\xc3\x9f"
              "e");
    EXPECT_EQ(point("/\\377"), "/\xff");
    // No escapes.
    EXPECT_EQ(point("/a\\"), "/a\\");
    EXPECT_EQ(point("/a\\04"), "/a\\04");
    EXPECT_EQ(point("/a\\049"), "/a\\049");
}

}  // namespace
