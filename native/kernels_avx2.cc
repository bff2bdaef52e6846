// AVX2.
#define FIRESIDE_AVX2
#include "kernels.inc.h"
FIRESIDE_KERNELS(avx2)
