// Asked of the processor itself: `__builtin_cpu_supports` is not in every compiler's library, and
// Zig's answers that AVX-512 VNNI is absent where it is there.
#include "cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace fireside {

#if defined(__x86_64__)
namespace {

struct Registers {
    unsigned a, b, c, d;
};

Registers ask(unsigned leaf) {
    Registers r{};
    return __get_cpuid_count(leaf, 0, &r.a, &r.b, &r.c, &r.d) ? r : Registers{};
}

// Whether the system saves these registers when it switches programs.
bool saves(unsigned wanted) {
    if (!(ask(1).c >> 27 & 1)) return false;  // XGETBV itself
    unsigned low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & wanted) == wanted;
}

}  // namespace

bool has_avx2() {
    const Registers one = ask(1), seven = ask(7);
    return saves(0x6) && (one.c >> 12 & 1) && (one.c >> 29 & 1) && (seven.b >> 5 & 1);
}

bool has_avx512() {
    const Registers seven = ask(7);
    const unsigned f = 16, dq = 17, bw = 30, vl = 31, vnni = 11;
    return has_avx2() && saves(0xe6) && (seven.b >> f & 1) && (seven.b >> dq & 1) &&
           (seven.b >> bw & 1) && (seven.b >> vl & 1) && (seven.c >> vnni & 1);
}

bool has_dot_products() { return false; }
#else
bool has_avx2() { return false; }
bool has_avx512() { return false; }

bool has_dot_products() {
#if defined(__aarch64__) && defined(__linux__)
    return getauxval(AT_HWCAP) >> 20 & 1;  // HWCAP_ASIMDDP
#elif defined(__aarch64__) && defined(__APPLE__)
    return true;  // every Mac's
#else
    return false;
#endif
}
#endif

}  // namespace fireside
