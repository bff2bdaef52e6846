#include "step.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace fireside {
namespace {

// With so few rows each thread rounds them for itself: cheaper than to wait for each other.
constexpr int FEW = 4;
constexpr int CHUNKS_OF_PRODUCT = 32;
constexpr int SPAN = 8;  // rows of one sequence whose attention is one piece of work

uint16_t to_bfloat(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

int pieces(int total, int size) { return (total + size - 1) / size; }

}  // namespace

void Step::Buffer::reserve(size_t rows, int inputs) {
    if (values.size() >= rows * inputs) return;
    values.resize(rows * inputs);
    scales.resize(rows * (inputs / HALF));
    sums.resize(rows * (inputs / HALF));
    scaled_sums.resize(rows * (inputs / BLOCK));
}

Rows Step::Buffer::rows() {
    return {values.data(), scales.data(), sums.data(), scaled_sums.data()};
}

Step::Step(const Config &config, std::vector<Layer> layers, const Matrix &embedding,
           const Matrix &head, const float *last_norm, const Kernels &kernels, int threads)
    : config_(config), layers_(std::move(layers)), embedding_(embedding), head_(head),
      last_norm_(last_norm), kernels_(kernels), pool_(threads) {
    // A block of one key head: its keys [head_dim][32], then its values [32][head_dim].
    of_values_ = static_cast<size_t>(TOKENS) * config.head_dim;
    of_head_ = 2 * of_values_;
    of_block_ = of_head_ * config.kv_heads;
    of_layer_ = of_block_ * config.blocks;
    // Zeros that are not touched: pages become resident when tokens are written.
    cache_.reset(static_cast<uint16_t *>(std::calloc(of_layer_ * config.layers, sizeof(uint16_t))));
    const int widest = std::max({config.width, config.inner, config.heads * config.head_dim});
    own_.resize(threads);
    for (auto &own : own_) {
        own.rounded.reserve(FEW, widest);
        own.scratch.resize(widest);
    }
}

size_t Step::cache_bytes() const { return sizeof(uint16_t) * of_layer_ * config_.layers; }

void Step::copy_block(int source, int target) {
    for (int layer = 0; layer < config_.layers; layer++)
        std::memcpy(block_of(layer, 0, target), block_of(layer, 0, source),
                    sizeof(uint16_t) * of_block_);
}

uint16_t *Step::block_of(int layer, int head, int block) {
    return cache_.get() + layer * of_layer_ + block * of_block_ + head * of_head_;
}

void Step::reserve(int rows, int wanted) {
    const Config &c = config_;
    auto grow = [](std::vector<float> &to, size_t size) {
        if (to.size() < size) to.resize(size);
    };
    const size_t n = rows, heads = c.heads + 2 * c.kv_heads;
    grow(x_, n * c.width);
    grow(qkv_, n * heads * c.head_dim);
    grow(attended_, n * c.heads * c.head_dim);
    grow(inner_, n * c.inner);
    grow(branch_, n * c.width);
    grow(last_, static_cast<size_t>(wanted) * c.width);
    rounded_width_.reserve(n, c.width);
    rounded_attended_.reserve(n, c.heads * c.head_dim);
    rounded_inner_.reserve(n, c.inner);
}

void Step::plan(const Chunk *chunks, int count) {
    chunks_ = chunks;
    rows_.clear();
    spans_.clear();
    wanted_.clear();
    for (int chunk = 0; chunk < count; chunk++) {
        const Chunk &c = chunks[chunk];
        const int first = static_cast<int>(rows_.size());
        for (int i = 0; i < c.count; i++) rows_.push_back({chunk, c.start + i});
        for (int i = 0; i < c.count; i += SPAN)
            spans_.push_back({first + i, std::min(SPAN, c.count - i)});
        for (int i = c.count - c.logits; i < c.count; i++) wanted_.push_back(first + i);
    }
}

void Step::add_product(Matrices matrices, const float *input, const float *norm, Buffer &rounded,
                       int rows, float *output, bool adds, bool gated) {
    const int width = matrices[0]->inputs;
    int outputs = 0;
    for (const Matrix *matrix : matrices) outputs += matrix ? matrix->outputs : 0;
    const float eps = config_.norm_eps;
    if (rows > FEW) {
        phases_.emplace_back(
            [=, this, &rounded](int piece, int thread) {
                for (int row = piece * FEW; row < std::min(rows, (piece + 1) * FEW); row++)
                    kernels_.quantise(input + static_cast<size_t>(row) * width, norm, eps, width,
                                      own_[thread].scratch.data(), rounded.rows(), row);
            },
            pieces(rows, FEW));
    }
    const int units = outputs / TILE / (gated ? 2 : 1);
    const int size = std::max(1, units / CHUNKS_OF_PRODUCT);
    const int stride = gated ? outputs / 2 : outputs;
    const size_t phase = phases_.size();
    phases_.emplace_back(
        [=, this, &rounded](int piece, int thread) {
            Rows from = rounded.rows();
            if (rows <= FEW) {
                Own &own = own_[thread];
                from = own.rounded.rows();
                if (own.phase != phase) {
                    own.phase = phase;
                    for (int row = 0; row < rows; row++)
                        kernels_.quantise(input + static_cast<size_t>(row) * width, norm, eps,
                                          width, own.scratch.data(), from, row);
                }
            }
            const int begin = piece * size, end = std::min(units, begin + size);
            if (gated) {
                kernels_.multiply_gated(*matrices[0], begin, end, from, rows, output, stride,
                                        config_.activation);
                return;
            }
            int tile = 0;
            for (const Matrix *matrix : matrices) {
                if (!matrix) break;
                const int tiles = matrix->outputs / TILE;
                const int first = std::max(begin - tile, 0), last = std::min(end - tile, tiles);
                if (first < last)
                    kernels_.multiply(*matrix, first, last, from, rows, output + tile * TILE, stride,
                                      adds);
                tile += tiles;
            }
        },
        pieces(units, size));
}

// Turns a row's queries and keys to their position, and writes its keys and values into the cache.
void Step::turn(int layer, int row) {
    const Config &c = config_;
    const Layer &l = layers_[layer];
    const int half = c.head_dim / 2, position = rows_[row].position;
    const float *angles = l.rotary + static_cast<size_t>(position) * c.head_dim;
    float *heads = qkv_.data() + static_cast<size_t>(row) * (c.heads + 2 * c.kv_heads) * c.head_dim;
    for (int head = 0; head < c.heads + c.kv_heads; head++) {
        float *at = heads + head * c.head_dim;
        const float *norm = head < c.heads ? l.q_norm : l.k_norm;
        if (norm) kernels_.normalise(at, norm, c.norm_eps, c.head_dim);
        const float scale = head < c.heads ? c.scale : 1.0f;
        for (int i = 0; i < half; i++) {
            const float cosine = angles[2 * i] * scale, sine = angles[2 * i + 1] * scale;
            const float a = at[2 * i], b = at[2 * i + 1];
            at[2 * i] = a * cosine - b * sine;
            at[2 * i + 1] = a * sine + b * cosine;
        }
    }
    const int place = position % TOKENS;
    const int32_t block = chunks_[rows_[row].chunk].blocks[position / TOKENS];
    const float *keys = heads + c.heads * c.head_dim, *values = keys + c.kv_heads * c.head_dim;
    for (int head = 0; head < c.kv_heads; head++) {
        uint16_t *to = block_of(layer, head, block);
        for (int i = 0; i < c.head_dim; i++) {
            to[i * TOKENS + place] = to_bfloat(keys[head * c.head_dim + i]);
            to[of_values_ + place * c.head_dim + i] = to_bfloat(values[head * c.head_dim + i]);
        }
    }
}

void Step::attend(int layer, int span, int head) {
    const Config &c = config_;
    const int group = c.heads / c.kv_heads;
    const auto [first, count] = spans_[span];
    Query queries[SPAN * 16];
    int n = 0;
    for (int row = first; row < first + count; row++) {
        const size_t width = static_cast<size_t>(c.heads + 2 * c.kv_heads) * c.head_dim;
        for (int i = 0; i < group; i++) {
            const int at = (head * group + i) * c.head_dim;
            queries[n++] = {qkv_.data() + row * width + at,
                            attended_.data() + static_cast<size_t>(row) * c.heads * c.head_dim + at,
                            rows_[row].position};
        }
    }
    kernels_.attend(queries, n, c.head_dim, layers_[layer].window,
                    chunks_[rows_[first].chunk].blocks, block_of(layer, head, 0), of_block_,
                    of_values_);
}

void Step::add_branch(const Matrix &matrix, const float *input, Buffer &rounded,
                      const float *post_norm) {
    const int rows = static_cast<int>(rows_.size());
    float *output = post_norm ? branch_.data() : x_.data();
    add_product({&matrix}, input, nullptr, rounded, rows, output, !post_norm, false);
    if (!post_norm) return;
    phases_.emplace_back(
        [=, this](int row, int) {
            const size_t place = static_cast<size_t>(row) * config_.width;
            kernels_.normalise(branch_.data() + place, post_norm, config_.norm_eps, config_.width);
            for (size_t i = place; i < place + config_.width; i++) x_[i] += branch_[i];
        },
        rows);
}

void Step::add_phases(int layer) {
    const Layer &l = layers_[layer];
    const int rows = static_cast<int>(rows_.size()), spans = static_cast<int>(spans_.size());
    add_product({&l.q, &l.k, &l.v}, x_.data(), l.attention_norm, rounded_width_, rows, qkv_.data(),
                false, false);
    phases_.emplace_back([this, layer](int row, int) { turn(layer, row); }, rows);
    phases_.emplace_back([this, layer, spans](int unit, int) { attend(layer, unit % spans, unit / spans); },
                         spans * config_.kv_heads);
    add_branch(l.output, attended_.data(), rounded_attended_, l.attention_post_norm);
    add_product({&l.gate_up}, x_.data(), l.mlp_norm, rounded_width_, rows, inner_.data(), false, true);
    add_branch(l.down, inner_.data(), rounded_inner_, l.mlp_post_norm);
}

bool Step::run(const Chunk *chunks, int count, float *logits, const std::atomic<int> *cancelled) {
    plan(chunks, count);
    const int rows = static_cast<int>(rows_.size()), wanted = static_cast<int>(wanted_.size());
    reserve(rows, wanted);
    phases_.clear();
    for (auto &own : own_) own.phase = 0;
    phases_.emplace_back(
        [this](int row, int) {
            const Row &r = rows_[row];
            const Chunk &chunk = chunks_[r.chunk];
            float *to = x_.data() + static_cast<size_t>(row) * config_.width;
            kernels_.embed(embedding_, chunk.tokens[r.position - chunk.start], to);
            for (int i = 0; i < config_.width; i++) to[i] *= config_.embedding_scale;
        },
        rows);
    for (int layer = 0; layer < config_.layers; layer++) add_phases(layer);
    if (wanted) {
        phases_.emplace_back(
            [this](int i, int) {
                std::memcpy(last_.data() + static_cast<size_t>(i) * config_.width,
                            x_.data() + static_cast<size_t>(wanted_[i]) * config_.width,
                            sizeof(float) * config_.width);
            },
            wanted);
        add_product({&head_}, last_.data(), last_norm_, rounded_width_, wanted, logits, false, false);
    }
    pool_.run(phases_, cancelled);
    return !cancelled || !cancelled->load();
}

}  // namespace fireside
