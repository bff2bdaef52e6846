// One step of a model: chunks of any lengths go through all layers together.
#pragma once

#include <array>
#include <cstdlib>
#include <memory>
#include <vector>

#include "kernels.h"
#include "pool.h"

namespace fireside {

class Step {
  public:
    Step(const Config &config, std::vector<Layer> layers, const Matrix &embedding,
         const Matrix &head, const float *last_norm, const Kernels &kernels, int threads);

    // Writes the logits of the wanted rows, [wanted][vocabulary].  False where it was cancelled.
    bool run(const Chunk *chunks, int count, float *logits, const std::atomic<int> *cancelled);
    void copy_block(int source, int target);
    size_t cache_bytes() const;

  private:
    struct Row {
        int32_t chunk, position;
    };
    struct Span {  // rows of one sequence that attend together
        int32_t first, count;
    };
    struct Buffer {  // activations in 8 bits, and what they are views of
        std::vector<int8_t> values;
        std::vector<float> scales, scaled_sums;
        std::vector<int32_t> sums;
        void reserve(size_t rows, int inputs);
        Rows rows();
    };

    void reserve(int rows, int wanted);
    void plan(const Chunk *chunks, int count);
    void add_phases(int layer);
    // The same input times up to three matrices, whose outputs stand beside each other.
    using Matrices = std::array<const Matrix *, 3>;
    void add_product(Matrices matrices, const float *input, const float *norm, Buffer &rounded,
                     int rows, float *output, bool adds, bool gated);
    // A product that is added to the rows; through a norm of its own, if there is one.
    void add_branch(const Matrix &matrix, const float *input, Buffer &rounded, const float *post_norm);
    void turn(int layer, int row);
    void attend(int layer, int span, int head);
    uint16_t *block_of(int layer, int head, int block);

    Config config_;
    std::vector<Layer> layers_;
    Matrix embedding_, head_;
    const float *last_norm_;
    const Kernels &kernels_;
    Pool pool_;
    size_t of_values_, of_head_, of_block_, of_layer_;  // in the cache
    struct Free {
        void operator()(uint16_t *memory) const { std::free(memory); }
    };
    std::unique_ptr<uint16_t[], Free> cache_;

    const Chunk *chunks_ = nullptr;
    std::vector<Row> rows_;
    std::vector<Span> spans_;
    std::vector<int32_t> wanted_;
    std::vector<Phase> phases_;
    std::vector<float> x_, qkv_, attended_, inner_, branch_, last_;
    Buffer rounded_width_, rounded_attended_, rounded_inner_;
    struct Own {
        Buffer rounded;  // of few rows, in the phase of this number
        size_t phase;
        std::vector<float> scratch;
    };
    std::vector<Own> own_;  // of each thread
};

}  // namespace fireside
