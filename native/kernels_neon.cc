// NEON.
#define FIRESIDE_NEON
#include "kernels.inc.h"
FIRESIDE_KERNELS(neon)
