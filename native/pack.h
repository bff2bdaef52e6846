// GGUF's blocks into tiles.
#pragma once

#include "model.h"

namespace fireside {

// order: the file's row for each output, or null.  to: zeros, `bytes_of_columns` for each 16 outputs.
void pack(int32_t kind, const uint8_t *from, int outputs, int inputs, const int32_t *order,
          uint8_t *to);

}  // namespace fireside
