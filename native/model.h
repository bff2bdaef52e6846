// What a model is made of: matrices in tiles, layers, the cache of keys and values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fireside {

constexpr int TILE = 16;    // output columns of a tile
constexpr int BLOCK = 32;   // inputs whose weights share a scale
constexpr int HALF = 16;    // inputs whose activations share one
constexpr int TOKENS = 32;  // positions of a block of the cache

// How weights are kept: GGUF's own types, at their own bits.
enum Kind : int32_t { Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, KINDS };

// bits: of a weight.  shift: what the unsigned weight is more than the signed one.
// is_super: blocks of 256 with small scales inside; halves: those stand for 16 inputs and not for 32.
struct Format {
    int bits, shift;
    bool has_min, is_super, halves;
};

constexpr Format FORMATS[KINDS] = {
    {4, 8, false, false, false},  {4, 0, true, false, false}, {5, 16, false, false, false},
    {5, 0, true, false, false},   {8, 128, false, false, false}, {4, 0, true, true, false},
    {5, 0, true, true, false},    {6, 32, false, true, true},
};

// Bytes of 16 columns × 32 inputs: the low four bits, the bits above them, scales, minimums.
constexpr size_t bytes_of_values(int32_t kind) { return BLOCK * TILE / 8 * FORMATS[kind].bits; }
constexpr size_t bytes_of_tile(int32_t kind) {
    const Format &f = FORMATS[kind];
    const size_t scale = f.is_super ? (f.halves ? 32 : 16) : 32;
    return bytes_of_values(kind) + scale + (f.has_min ? scale : 0);
}
// What stands before eight tiles of a superblock: its scale, its minimum.
constexpr size_t bytes_of_head(int32_t kind) {
    const Format &f = FORMATS[kind];
    return f.is_super ? (f.has_min ? 64 : 32) : 0;
}
// Of 16 columns and all inputs.
constexpr size_t bytes_of_columns(int32_t kind, int inputs) {
    return inputs / BLOCK * bytes_of_tile(kind) + inputs / 256 * bytes_of_head(kind);
}

// Input `i` of a column of a tile, unsigned.
inline int value_at(int32_t kind, const uint8_t *tile, int column, int i) {
    const int half = i / HALF, group = i % HALF / 4, byte = column * 4 + i % 4;
    const int bits = FORMATS[kind].bits;
    if (bits == 8) return tile[half * 256 + group * 64 + byte];
    int value = tile[group * 64 + byte] >> 4 * half & 15;
    if (bits == 5) value |= (tile[256 + byte] >> (group + 4 * half) & 1) << 4;
    if (bits == 6) value |= (tile[256 + 64 * half + byte] >> 2 * group & 3) << 4;
    return value;
}

inline void put_value(int32_t kind, uint8_t *tile, int column, int i, int value) {
    const int half = i / HALF, group = i % HALF / 4, byte = column * 4 + i % 4;
    const int bits = FORMATS[kind].bits;
    auto put = [](uint8_t &to, int mask, int place, int what) {
        to = static_cast<uint8_t>((to & ~(mask << place)) | (what & mask) << place);
    };
    if (bits == 8) {
        tile[half * 256 + group * 64 + byte] = static_cast<uint8_t>(value);
        return;
    }
    put(tile[group * 64 + byte], 15, 4 * half, value);
    if (bits == 5) put(tile[256 + byte], 1, group + 4 * half, value >> 4);
    if (bits == 6) put(tile[256 + 64 * half + byte], 3, 2 * group, value >> 4);
}

// An `outputs` × `inputs` matrix: tile by tile of columns, and in each its blocks of inputs.
struct Matrix {
    const uint8_t *data;
    const float *bias;  // or null
    int32_t kind, outputs, inputs;
};

// Activations in 8 bits: a scale for each 16 of them.
struct Rows {
    int8_t *values;      // [rows][inputs]
    float *scales;       // [rows][inputs / 16]
    int32_t *sums;       // [rows][inputs / 16], of the values
    float *scaled_sums;  // [rows][inputs / 32], of the values × their scales
};

struct Layer {
    Matrix q, k, v, output, gate_up, down;
    const float *attention_norm, *mlp_norm;
    const float *q_norm, *k_norm;  // of each head, or null
    const float *attention_post_norm, *mlp_post_norm;  // of what is added to a row, or null
    const float *rotary;  // [positions][head_dim / 2] cosine and sine beside each other
    int32_t window;       // 0: all positions
};

struct Config {
    int32_t layers, width, heads, kv_heads, head_dim, inner, vocabulary;
    int32_t blocks;      // of the cache
    int32_t activation;  // 0 SiLU, 1 GELU by tanh
    float norm_eps, scale, embedding_scale;
};

// One sequence's share of a step.
struct Chunk {
    const int32_t *tokens;
    const int32_t *blocks;
    int32_t count, start, logits;
};

}  // namespace fireside
