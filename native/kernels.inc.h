// The kernels of one instruction set; each `kernels_*.cc` includes this once.
#include <algorithm>

#include "dots.h"
#include "kernels.h"

namespace fireside {
namespace {

template <int KIND, int R>
INLINE void tile_of_rows(const Matrix &matrix, int tile, const Rows &rows, int first, Floats *out) {
    const int blocks = matrix.inputs / BLOCK;
    const uint8_t *data = matrix.data + tile * bytes_of_columns(KIND, matrix.inputs);
    const Rows from = {
        rows.values + static_cast<size_t>(first) * matrix.inputs,
        rows.scales + 2 * first * blocks,
        rows.sums + 2 * first * blocks,
        rows.scaled_sums + first * blocks,
    };
    multiply_tile<KIND, R>(data, blocks, from, out);
    if (matrix.bias) {
        Floats bias = load(matrix.bias + tile * TILE);
        for (int r = 0; r < R; r++) out[r] = out[r] + bias;
    }
}

template <int KIND, int R>
void write_rows(const Matrix &matrix, int tile, const Rows &rows, int first, float *out, int stride,
                bool adds) {
    Floats sums[R];
    tile_of_rows<KIND, R>(matrix, tile, rows, first, sums);
    for (int r = 0; r < R; r++) {
        float *to = out + static_cast<size_t>(first + r) * stride + tile * TILE;
        store(to, adds ? load(to) + sums[r] : sums[r]);
    }
}

INLINE Floats activated(Floats gate, int activation) {
    if (activation == 0) return gate / (all(1.0f) + power_of_e(all(0.0f) - gate));
    // x × (1 - 1 / (e^2u + 1)) is x × (1 + tanh u) / 2
    Floats cube = gate * gate * gate;
    Floats u = all(0.797884583f) * fma(all(0.044715f), cube, gate);
    Floats power = power_of_e(u + u);
    return gate * (all(1.0f) - all(1.0f) / (power + all(1.0f)));
}

template <int KIND, int R>
void write_gated(const Matrix &matrix, int pair, const Rows &rows, int first, float *out, int stride,
                 int activation) {
    Floats gate[R], up[R];
    tile_of_rows<KIND, R>(matrix, 2 * pair, rows, first, gate);
    tile_of_rows<KIND, R>(matrix, 2 * pair + 1, rows, first, up);
    for (int r = 0; r < R; r++) {
        float *to = out + static_cast<size_t>(first + r) * stride + pair * TILE;
        store(to, activated(gate[r], activation) * up[r]);
    }
}

// Calls `work` with pieces of rows whose number is known when it is compiled.
#define IN_PIECES(work, ...)                                                                       \
    int first = 0;                                                                                 \
    for (; count - first >= 6; first += 6) work<KIND, 6>(__VA_ARGS__);                             \
    for (; count - first >= 4; first += 4) work<KIND, 4>(__VA_ARGS__);                             \
    for (; count - first >= 2; first += 2) work<KIND, 2>(__VA_ARGS__);                             \
    for (; count - first >= 1; first += 1) work<KIND, 1>(__VA_ARGS__);

template <int KIND>
void multiply_kind(const Matrix &matrix, int begin, int end, const Rows &rows, int count, float *out,
                   int stride, bool adds) {
    for (int tile = begin; tile < end; tile++) {
        IN_PIECES(write_rows, matrix, tile, rows, first, out, stride, adds)
    }
}

template <int KIND>
void gated_kind(const Matrix &matrix, int begin, int end, const Rows &rows, int count, float *out,
                int stride, int activation) {
    for (int pair = begin; pair < end; pair++) {
        IN_PIECES(write_gated, matrix, pair, rows, first, out, stride, activation)
    }
}

void multiply(const Matrix &matrix, int begin, int end, const Rows &rows, int count, float *out,
              int stride, bool adds) {
    switch (matrix.kind) {
        case Q4_0: return multiply_kind<Q4_0>(matrix, begin, end, rows, count, out, stride, adds);
        case Q4_1: return multiply_kind<Q4_1>(matrix, begin, end, rows, count, out, stride, adds);
        case Q5_0: return multiply_kind<Q5_0>(matrix, begin, end, rows, count, out, stride, adds);
        case Q5_1: return multiply_kind<Q5_1>(matrix, begin, end, rows, count, out, stride, adds);
        case Q8_0: return multiply_kind<Q8_0>(matrix, begin, end, rows, count, out, stride, adds);
        case Q4_K: return multiply_kind<Q4_K>(matrix, begin, end, rows, count, out, stride, adds);
        case Q5_K: return multiply_kind<Q5_K>(matrix, begin, end, rows, count, out, stride, adds);
        case Q6_K: return multiply_kind<Q6_K>(matrix, begin, end, rows, count, out, stride, adds);
    }
}

void multiply_gated(const Matrix &matrix, int begin, int end, const Rows &rows, int count, float *out,
                    int stride, int activation) {
    switch (matrix.kind) {
        case Q4_0: return gated_kind<Q4_0>(matrix, begin, end, rows, count, out, stride, activation);
        case Q4_1: return gated_kind<Q4_1>(matrix, begin, end, rows, count, out, stride, activation);
        case Q5_0: return gated_kind<Q5_0>(matrix, begin, end, rows, count, out, stride, activation);
        case Q5_1: return gated_kind<Q5_1>(matrix, begin, end, rows, count, out, stride, activation);
        case Q8_0: return gated_kind<Q8_0>(matrix, begin, end, rows, count, out, stride, activation);
        case Q4_K: return gated_kind<Q4_K>(matrix, begin, end, rows, count, out, stride, activation);
        case Q5_K: return gated_kind<Q5_K>(matrix, begin, end, rows, count, out, stride, activation);
        case Q6_K: return gated_kind<Q6_K>(matrix, begin, end, rows, count, out, stride, activation);
    }
}

float inverse_norm(const float *row, float eps, int width) {
    Floats squares = all(0.0f);
    for (int i = 0; i < width; i += LANES) squares = fma(load(row + i), load(row + i), squares);
    return 1.0f / std::sqrt(sum(squares) / static_cast<float>(width) + eps);
}

void quantise(const float *row, const float *weight, float eps, int width, float *scratch,
              const Rows &to, int at) {
    if (weight) {
        Floats inverse = all(inverse_norm(row, eps, width));
        for (int i = 0; i < width; i += LANES)
            store(scratch + i, load(row + i) * inverse * load(weight + i));
        row = scratch;
    }
    int8_t *values = to.values + static_cast<size_t>(at) * width;
    float *scales = to.scales + static_cast<size_t>(at) * (width / HALF);
    int32_t *sums = to.sums + static_cast<size_t>(at) * (width / HALF);
    for (int i = 0; i < width / HALF; i++) {
        Floats given = load(row + i * HALF);
        float most = largest(magnitude(given));
        store_bytes(values + i * HALF, nearest(given * all(most > 0.0f ? 127.0f / most : 0.0f)));
        scales[i] = most / 127.0f;
        sums[i] = 0;
        for (int j = 0; j < HALF; j++) sums[i] += values[i * HALF + j];
    }
    float *scaled_sums = to.scaled_sums + static_cast<size_t>(at) * (width / BLOCK);
    for (int i = 0; i < width / BLOCK; i++) {
        float first = scales[2 * i] * static_cast<float>(sums[2 * i]);
        scaled_sums[i] = std::fmaf(scales[2 * i + 1], static_cast<float>(sums[2 * i + 1]), first);
    }
}

void normalise(float *head, const float *weight, float eps, int width) {
    Floats inverse = all(inverse_norm(head, eps, width));
    for (int i = 0; i < width; i += LANES)
        store(head + i, load(head + i) * inverse * load(weight + i));
}

constexpr float NOTHING = -1e30f;  // below every score
constexpr int MOST_DIM = 256;

// What a query has gathered so far: the largest score, the sum of the weights, the mixed values.
struct Running {
    float most, total;
    Floats mixed[MOST_DIM / LANES];
};

// Scores to weights, and what was gathered to the new largest score.  A position that the query does
// not see weighs nothing.
INLINE void weigh(Running &now, Floats *scores, float *weights, int from, int upto) {
    store(weights, scores[0]);
    store(weights + LANES, scores[1]);
    for (int i = 0; i < TOKENS; i++)
        if (i < from || i >= upto) weights[i] = NOTHING;
    float most = largest(larger(load(weights), load(weights + LANES)));
    if (now.most > most) most = now.most;
    float factors[LANES];
    store(factors, power_of_e(all(now.most - most)));
    const float factor = now.most == NOTHING ? 0.0f : factors[0];
    store(weights, power_of_e(load(weights) - all(most)));
    store(weights + LANES, power_of_e(load(weights + LANES) - all(most)));
    for (int i = 0; i < TOKENS; i++)
        if (i < from || i >= upto) weights[i] = 0.0f;
    now.total = std::fmaf(now.total, factor, sum(load(weights) + load(weights + LANES)));
    now.most = most;
    scores[0] = all(factor);
}

// COUNT queries over one block of 32 positions that begins at `at`.
template <int COUNT>
void attend_block(const Query *queries, Running *now, const uint16_t *keys, const uint16_t *values,
                  int head_dim, int window, int at) {
    Floats scores[COUNT][2];
    for (int n = 0; n < COUNT; n++) scores[n][0] = scores[n][1] = all(0.0f);
    for (int d = 0; d < head_dim; d++) {
        Floats first = load_bfloat(keys + d * TOKENS), second = load_bfloat(keys + d * TOKENS + LANES);
        for (int n = 0; n < COUNT; n++) {
            Floats q = all(queries[n].values[d]);
            scores[n][0] = fma(q, first, scores[n][0]);
            scores[n][1] = fma(q, second, scores[n][1]);
        }
    }
    float weights[COUNT][TOKENS];
    int begin = TOKENS, end = 0;
    for (int n = 0; n < COUNT; n++) {
        const int position = queries[n].position;
        const int from = window ? std::max(0, position + 1 - window - at) : 0;
        const int upto = std::min(TOKENS, position + 1 - at);
        weigh(now[n], scores[n], weights[n], from, upto);
        begin = std::min(begin, from);
        end = std::max(end, upto);
    }
    for (int d = 0; d < head_dim / LANES; d++) {
        Floats mixed[COUNT];
        for (int n = 0; n < COUNT; n++) mixed[n] = now[n].mixed[d] * scores[n][0];
        for (int i = begin; i < end; i++) {
            Floats value = load_bfloat(values + i * head_dim + d * LANES);
            for (int n = 0; n < COUNT; n++) mixed[n] = fma(all(weights[n][i]), value, mixed[n]);
        }
        for (int n = 0; n < COUNT; n++) now[n].mixed[d] = mixed[n];
    }
}

template <int COUNT>
void attend_together(const Query *queries, int head_dim, int window, const int32_t *blocks,
                     const uint16_t *cache, size_t of_block, size_t of_values) {
    Running now[COUNT];
    int end = 0, begin = queries[0].position + 1;
    for (int n = 0; n < COUNT; n++) {
        now[n].most = NOTHING;
        now[n].total = 0.0f;
        for (int d = 0; d < head_dim / LANES; d++) now[n].mixed[d] = all(0.0f);
        end = std::max(end, queries[n].position + 1);
        begin = std::min(begin, window ? std::max(0, queries[n].position + 1 - window) : 0);
    }
    for (int at = begin / TOKENS * TOKENS; at < end; at += TOKENS) {
        const uint16_t *keys = cache + blocks[at / TOKENS] * of_block;
        attend_block<COUNT>(queries, now, keys, keys + of_values, head_dim, window, at);
    }
    for (int n = 0; n < COUNT; n++) {
        Floats inverse = all(1.0f / now[n].total);
        for (int d = 0; d < head_dim / LANES; d++)
            store(queries[n].out + d * LANES, now[n].mixed[d] * inverse);
    }
}

void attend(const Query *queries, int count, int head_dim, int window, const int32_t *blocks,
            const uint16_t *cache, size_t of_block, size_t of_values) {
    for (; count >= 4; queries += 4, count -= 4)
        attend_together<4>(queries, head_dim, window, blocks, cache, of_block, of_values);
    if (count == 3) attend_together<3>(queries, head_dim, window, blocks, cache, of_block, of_values);
    if (count == 2) attend_together<2>(queries, head_dim, window, blocks, cache, of_block, of_values);
    if (count == 1) attend_together<1>(queries, head_dim, window, blocks, cache, of_block, of_values);
}

// The weights of one output, as floats.
void embed(const Matrix &matrix, int32_t token, float *out) {
    const Format &f = FORMATS[matrix.kind];
    const uint8_t *tile = matrix.data + token / TILE * bytes_of_columns(matrix.kind, matrix.inputs);
    const int column = token % TILE;
    float super[LANES] = {}, super_least[LANES] = {};
    for (int b = 0; b < matrix.inputs / BLOCK; b++, tile += bytes_of_tile(matrix.kind)) {
        if (f.is_super && b % 8 == 0) {
            store(super, load_half(reinterpret_cast<const uint16_t *>(tile)));
            if (f.has_min) store(super_least, load_half(reinterpret_cast<const uint16_t *>(tile) + TILE));
            tile += bytes_of_head(matrix.kind);
        }
        const uint8_t *small = tile + bytes_of_values(matrix.kind);
        float scale[2][LANES], least[LANES] = {};
        for (int half = 0; half < 2; half++) {
            if (f.is_super)
                store(scale[half], load(super) * load_bytes(reinterpret_cast<const int8_t *>(small) +
                                                            (f.halves ? half * TILE : 0)));
            else
                store(scale[half], load_half(reinterpret_cast<const uint16_t *>(small)));
        }
        if (f.has_min && f.is_super)
            store(least, load(super_least) * load_bytes(reinterpret_cast<const int8_t *>(small + 16)));
        else if (f.has_min)
            store(least, load_half(reinterpret_cast<const uint16_t *>(small + 32)));
        for (int i = 0; i < BLOCK; i++) {
            const int value = value_at(matrix.kind, tile, column, i) - f.shift;
            out[b * BLOCK + i] =
                std::fmaf(static_cast<float>(value), scale[i / HALF][column], least[column]);
        }
    }
}

}  // namespace
}  // namespace fireside

#define FIRESIDE_KERNELS(name)                                                                     \
    const fireside::Kernels fireside::kernels_##name = {                                           \
        #name, fireside::multiply, fireside::multiply_gated, fireside::quantise,                   \
        fireside::normalise, fireside::attend, fireside::embed,                                    \
    };
