// What each instruction set computes in its own way, to the same bits.
#pragma once

#include "model.h"

namespace fireside {

// A piece of a query: one head of one row.
struct Query {
    const float *values;  // [head_dim], scaled
    float *out;           // [head_dim]
    int32_t position;
};

struct Kernels {
    const char *name;
    // out[row][column] of tiles begin … end, added to what is there if `adds`.
    void (*multiply)(const Matrix &matrix, int begin, int end, const Rows &rows, int count,
                     float *out, int stride, bool adds);
    // Of gate and up, whose tiles alternate: activation(gate) × up; begin and end count pairs.
    void (*multiply_gated)(const Matrix &matrix, int begin, int end, const Rows &rows, int count,
                           float *out, int stride, int activation);
    // One row to 8 bits.  weight: of an RMS norm before it, or null.
    void (*quantise)(const float *row, const float *weight, float eps, int width, float *scratch,
                     const Rows &to, int at);
    // RMS norm of one head, in place.
    void (*normalise)(float *head, const float *weight, float eps, int width);
    // Queries of one key head of one sequence over its cache.
    void (*attend)(const Query *queries, int count, int head_dim, int window,
                   const int32_t *blocks, const uint16_t *cache, size_t of_block, size_t of_values);
    void (*embed)(const Matrix &matrix, int32_t token, float *out);
};

extern const Kernels kernels_portable;
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
extern const Kernels kernels_neon;

}  // namespace fireside
