// The C interface, for ctypes: every argument is checked before this by `fireside/engine/native/`.
#include <cstring>

#include "cpu.h"
#include "pack.h"
#include "step.h"

using namespace fireside;

namespace {

const Kernels *kernels_for(const char *name) {
    const Kernels *known[] = {
#if defined(__x86_64__)
        &kernels_avx512, &kernels_avx2,
#elif defined(__aarch64__)
        &kernels_neon,
#endif
        &kernels_portable,
    };
    for (auto *each : known)
        if (!std::strcmp(each->name, name)) return each;
    return nullptr;
}

const char *best_kernels() {
    if (has_avx512()) return "avx512";
    if (has_avx2()) return "avx2";
    return has_dot_products() ? "neon" : "portable";
}

}  // namespace

#define PUBLIC __attribute__((visibility("default")))

extern "C" {

// Which sources this is built from (`fireside/engine/native/place.py`).
PUBLIC const char *fireside_sources() { return FIRESIDE_SOURCES; }

PUBLIC const char *fireside_best() { return best_kernels(); }

PUBLIC int64_t fireside_packed_bytes(int32_t kind, int32_t outputs, int32_t inputs) {
    return static_cast<int64_t>(outputs / TILE * bytes_of_columns(kind, inputs));
}

// order: the file's row for each output, or null.
PUBLIC void fireside_pack(int32_t kind, const uint8_t *from, int32_t outputs, int32_t inputs,
                          const int32_t *order, uint8_t *to) {
    pack(kind, from, outputs, inputs, order, to);
}

// The weights of one output as floats, for tests.
PUBLIC void fireside_row(const Matrix *matrix, int32_t output, float *to) {
    kernels_portable.embed(*matrix, output, to);
}

// rows × a matrix by the kernels of one name, for tests.  Zero where there are none of that name.
PUBLIC int32_t fireside_multiply(const char *kernels, const Matrix *matrix, const float *rows,
                                 int32_t count, float *out) {
    const Kernels *found = kernels_for(kernels);
    if (!found) return 0;
    const int inputs = matrix->inputs;
    std::vector<int8_t> values(static_cast<size_t>(count) * inputs);
    std::vector<float> scales(values.size() / HALF), scaled_sums(values.size() / BLOCK);
    std::vector<int32_t> sums(values.size() / HALF);
    const Rows rounded = {values.data(), scales.data(), sums.data(), scaled_sums.data()};
    for (int row = 0; row < count; row++)
        found->quantise(rows + static_cast<size_t>(row) * inputs, nullptr, 0.0f, inputs, nullptr,
                        rounded, row);
    found->multiply(*matrix, 0, matrix->outputs / TILE, rounded, count, out, matrix->outputs, false);
    return 1;
}

// Null where there are no kernels of that name.
PUBLIC void *fireside_open(const Config *config, const Layer *layers, const Matrix *embedding,
                    const Matrix *head, const float *last_norm, const char *kernels,
                    int32_t threads) {
    const Kernels *found = kernels_for(kernels);
    if (!found) return nullptr;
    return new Step(*config, std::vector<Layer>(layers, layers + config->layers), *embedding, *head,
                    last_norm, *found, threads);
}

PUBLIC void fireside_close(void *step) { delete static_cast<Step *>(step); }

PUBLIC int32_t fireside_run(void *step, const Chunk *chunks, int32_t count, float *logits,
                     const std::atomic<int> *cancelled) {
    return static_cast<Step *>(step)->run(chunks, count, logits, cancelled);
}

PUBLIC void fireside_copy_block(void *step, int32_t source, int32_t target) {
    static_cast<Step *>(step)->copy_block(source, target);
}
}
