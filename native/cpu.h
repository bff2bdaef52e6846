// What this processor can.
#pragma once

namespace fireside {

bool has_avx512();  // with VNNI, as `kernels_avx512.cc` is compiled
bool has_avx2();    // with FMA and F16C
bool has_dot_products();

}  // namespace fireside
