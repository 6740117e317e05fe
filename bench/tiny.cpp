// tiny.cpp: the smallest child there can be, so that a benchmark measures the
// parent and not the dynamic loader.
//
// Freestanding and static: no C library, no start-up code, a few pages.
//
//   tiny                 exits with 0
//   tiny line            writes a line, exits with 0
//   tiny flood BYTES     writes that much in blocks of 64 KiB
//   tiny lines N         writes N lines of 8 bytes, in blocks of 64 KiB
//   tiny text BYTES      as flood, but in lines of 128 bytes
//   tiny sink            reads its input to the end
//   tiny cat             writes what it reads
//   tiny pause           waits to be killed; ends by itself after ten minutes
//
// Linux on x86-64 and aarch64.

#include <asm/unistd.h>

namespace {

#if defined(__x86_64__)

long system_call(long number, long a, long b, long c)
{
    long result;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c)
                 : "rcx", "r11", "memory");
    return result;
}

asm(".globl _start\n"
    "_start:\n"
    "xor %ebp, %ebp\n"
    "mov (%rsp), %rdi\n"   // argc
    "lea 8(%rsp), %rsi\n"  // argv
    "and $-16, %rsp\n"
    "call tiny_main\n");

void pause_until_a_signal()
{
    system_call(__NR_pause, 0, 0, 0);
}
void alarm(long seconds)
{
    system_call(__NR_alarm, seconds, 0, 0);
}

#elif defined(__aarch64__)

long system_call(long number, long a, long b, long c)
{
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}

asm(".globl _start\n"
    "_start:\n"
    "mov x29, #0\n"
    "ldr x0, [sp]\n"    // argc
    "add x1, sp, #8\n"  // argv
    "bl tiny_main\n");

// This processor's kernel has neither pause nor alarm.
void pause_until_a_signal()
{
    system_call(__NR_ppoll, 0, 0, 0);
}
void alarm(long seconds)
{
    const long timer[4] = {0, 0, seconds, 0};
    system_call(__NR_setitimer, 0, reinterpret_cast<long>(timer), 0);
}

#else
#error "tiny.cpp knows x86-64 and aarch64 only"
#endif

constexpr long block_size = 64 * 1024;
constexpr char line[] = "1234567\n";
constexpr long line_size = sizeof line - 1;
constexpr long text_size = 128;

char block[block_size];

long number(const char* text)
{
    long value = 0;
    for (; *text >= '0' && *text <= '9'; ++text)
        value = value * 10 + (*text - '0');
    return value;
}

void fill_with_lines()
{
    for (long at = 0; at < block_size; ++at)
        block[at] = line[at % line_size];
}

void fill_with_text()
{
    for (long at = 0; at < block_size; ++at)
        block[at] = at % text_size == text_size - 1
                        ? '\n'
                        : static_cast<char>('a' + at % 26);
}

void write_all(long size)
{
    while (size > 0) {
        const long written =
            system_call(__NR_write, 1, reinterpret_cast<long>(block),
                        size < block_size ? size : block_size);
        if (written <= 0)
            return;
        size -= written;
    }
}

void read_all(bool write_it)
{
    const long at = reinterpret_cast<long>(block);
    for (;;) {
        const long got = system_call(__NR_read, 0, at, block_size);
        if (got <= 0)
            return;
        for (long done = 0; write_it && done < got;) {
            const long some = system_call(__NR_write, 1, at + done, got - done);
            if (some <= 0)
                return;
            done += some;
        }
    }
}

}  // namespace

extern "C" [[noreturn]] void tiny_main(long argc, char** argv)
{
    // The first letters tell the modes apart: 'l' is told by an argument.
    if (argc > 1) {
        switch (argv[1][0]) {
        case 'f':
            fill_with_lines();
            write_all(argc > 2 ? number(argv[2]) : 0);
            break;
        case 't':
            fill_with_text();
            write_all(argc > 2 ? number(argv[2]) : 0);
            break;
        case 'l':
            fill_with_lines();
            write_all(argc > 2 ? number(argv[2]) * line_size : line_size);
            break;
        case 's': read_all(false); break;
        case 'c': read_all(true); break;
        case 'p':
            alarm(600);
            for (;;)
                pause_until_a_signal();
        default: break;
        }
    }
    for (;;)
        system_call(__NR_exit_group, 0, 0, 0);
}
