// Any processor: the words of the law, which the others keep.
#include "kernels.inc.h"
FIRESIDE_KERNELS(portable)
