// AVX512.
#define FIRESIDE_AVX512
#include "kernels.inc.h"
FIRESIDE_KERNELS(avx512)
