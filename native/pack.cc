// Layouts of the file: ggml-common.h and `dequantize_row_*` of ggml describe them.
#include "pack.h"

#include <cstring>

namespace fireside {
namespace {

constexpr size_t FILE_BYTES[KINDS] = {18, 20, 22, 24, 34, 144, 176, 210};

// 32 inputs of one output.
struct Block {
    int values[BLOCK];
    uint16_t scale = 0, least = 0;      // fp16: of the block, or of its superblock
    int8_t small[2] = {}, small_least = 0;  // inside a superblock
};

uint16_t half_at(const uint8_t *p) {
    uint16_t bits;
    std::memcpy(&bits, p, 2);
    return bits;
}

void read_nibbles(const uint8_t *p, Block &to) {
    for (int i = 0; i < HALF; i++) {
        to.values[i] = p[i] & 15;
        to.values[i + HALF] = p[i] >> 4;
    }
}

void read_plain(int32_t kind, const uint8_t *p, Block &to) {
    to.scale = half_at(p);
    p += 2;
    if (FORMATS[kind].has_min) {
        to.least = half_at(p);
        p += 2;
    }
    if (kind == Q8_0) {
        for (int i = 0; i < BLOCK; i++) to.values[i] = static_cast<int8_t>(p[i]) + 128;
        return;
    }
    uint32_t top = 0;
    if (FORMATS[kind].bits == 5) {
        std::memcpy(&top, p, 4);
        p += 4;
    }
    read_nibbles(p, to);
    for (int i = 0; i < BLOCK; i++) to.values[i] |= static_cast<int>(top >> i & 1) << 4;
}

// The 6-bit scale and minimum of sub-block n of Q4_K and Q5_K.
void read_small(const uint8_t *p, int n, Block &to) {
    int scale, least;
    if (n < 4) {
        scale = p[n] & 63;
        least = p[n + 4] & 63;
    } else {
        scale = (p[n + 4] & 15) | p[n - 4] >> 6 << 4;
        least = p[n + 4] >> 4 | p[n] >> 6 << 4;
    }
    to.small[0] = to.small[1] = static_cast<int8_t>(scale);
    to.small_least = static_cast<int8_t>(-least);
}

void read_super(int32_t kind, const uint8_t *p, int n, Block &to) {
    if (kind == Q6_K) {
        const uint8_t *low = p + n / 4 * 64 + n % 2 * 32, *high = p + 128 + n / 4 * 32;
        for (int i = 0; i < BLOCK; i++)
            to.values[i] = (low[i] >> n % 4 / 2 * 4 & 15) | (high[i] >> n % 4 * 2 & 3) << 4;
        std::memcpy(to.small, p + 192 + 2 * n, 2);
        to.scale = half_at(p + 208);
        return;
    }
    to.scale = half_at(p);
    to.least = half_at(p + 2);
    read_small(p + 4, n, to);
    const uint8_t *top = p + 16, *low = p + (kind == Q5_K ? 48 : 16) + n / 2 * 32;
    for (int i = 0; i < BLOCK; i++) {
        to.values[i] = low[i] >> n % 2 * 4 & 15;
        if (kind == Q5_K) to.values[i] |= (top[i] >> n & 1) << 4;
    }
}

}  // namespace

void pack(int32_t kind, const uint8_t *from, int outputs, int inputs, const int32_t *order,
          uint8_t *to) {
    const Format &f = FORMATS[kind];
    const int blocks = inputs / BLOCK;
    const size_t row_bytes = (f.is_super ? inputs / 256 : blocks) * FILE_BYTES[kind];
    for (int output = 0; output < outputs; output++) {
        const uint8_t *row = from + static_cast<size_t>(order ? order[output] : output) * row_bytes;
        uint8_t *tile = to + output / TILE * bytes_of_columns(kind, inputs);
        const int column = output % TILE;
        for (int b = 0; b < blocks; b++, tile += bytes_of_tile(kind)) {
            Block block;
            if (f.is_super) {
                read_super(kind, row + b / 8 * FILE_BYTES[kind], b % 8, block);
                if (b % 8 == 0) {
                    std::memcpy(tile + 2 * column, &block.scale, 2);
                    if (f.has_min) std::memcpy(tile + 32 + 2 * column, &block.least, 2);
                    tile += bytes_of_head(kind);
                }
            } else {
                read_plain(kind, row + b * FILE_BYTES[kind], block);
            }
            for (int i = 0; i < BLOCK; i++) put_value(kind, tile, column, i, block.values[i]);
            uint8_t *small = tile + bytes_of_values(kind);
            if (!f.is_super) {
                std::memcpy(small + 2 * column, &block.scale, 2);
                if (f.has_min) std::memcpy(small + 32 + 2 * column, &block.least, 2);
                continue;
            }
            small[column] = static_cast<uint8_t>(block.small[0]);
            if (f.halves) small[TILE + column] = static_cast<uint8_t>(block.small[1]);
            if (f.has_min) small[TILE + column] = static_cast<uint8_t>(block.small_least);
        }
    }
}

}  // namespace fireside
