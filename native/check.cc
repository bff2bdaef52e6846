// Prints a hash of what the kernels of FIRST and the portable ones compute from the same numbers, line
// by line.  The lines must be the same on every processor; exit status 1 where the two differ here.
#include <cstdio>
#include <cstring>
#include <vector>

#include "kernels.h"
#include "pack.h"

using namespace fireside;

namespace {

uint64_t state = 1;

uint32_t draw() {  // the same numbers everywhere
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<uint32_t>(state >> 33);
}

float draw_float() { return static_cast<float>(static_cast<int>(draw() % 2001) - 1000) / 500.0f; }

uint64_t hash_of(const std::vector<float> &values) {
    uint64_t hash = 1469598103934665603ull;
    const auto *bytes = reinterpret_cast<const unsigned char *>(values.data());
    for (size_t i = 0; i < values.size() * sizeof(float); i++) hash = (hash ^ bytes[i]) * 1099511628211ull;
    return hash;
}

void append(std::vector<float> &to, const std::vector<float> &more) {
    to.insert(to.end(), more.begin(), more.end());
}

// Products of every kind with 13 rows, plain and gated.
std::vector<float> multiply(const Kernels &kernels, int32_t kind) {
    constexpr size_t FILE_BYTES[KINDS] = {18, 20, 22, 24, 34, 144, 176, 210};
    constexpr int OUTPUTS = 48, INPUTS = 512, ROWS = 13;
    state = kind + 1;
    const size_t size = FILE_BYTES[kind], blocks = OUTPUTS * INPUTS / (FORMATS[kind].is_super ? 256 : 32);
    std::vector<uint8_t> file(blocks * size);
    for (auto &byte : file) byte = static_cast<uint8_t>(draw());
    for (size_t b = 0; b < blocks; b++)
        for (int i = 0; i < (FORMATS[kind].has_min ? 2 : 1); i++) {
            const uint16_t half = 0x2000 | (draw() & 0x83ff);  // about ± 0.01
            std::memcpy(&file[b * size + (kind == Q6_K ? 208 : 2 * i)], &half, 2);
        }
    std::vector<uint8_t> tiles(OUTPUTS / TILE * bytes_of_columns(kind, INPUTS));
    pack(kind, file.data(), OUTPUTS, INPUTS, nullptr, tiles.data());
    const Matrix matrix = {tiles.data(), nullptr, kind, OUTPUTS, INPUTS};
    std::vector<float> given(ROWS * INPUTS), norm(INPUTS), scratch(INPUTS);
    for (auto &value : given) value = draw_float();
    for (auto &value : norm) value = draw_float();
    std::vector<int8_t> values(given.size());
    std::vector<float> scales(given.size() / HALF), scaled_sums(given.size() / BLOCK);
    std::vector<int32_t> sums(given.size() / HALF);
    const Rows rows = {values.data(), scales.data(), sums.data(), scaled_sums.data()};
    for (int row = 0; row < ROWS; row++)
        kernels.quantise(&given[row * INPUTS], norm.data(), 1e-5f, INPUTS, scratch.data(), rows, row);
    std::vector<float> out(ROWS * OUTPUTS), gated(ROWS * TILE);
    kernels.multiply(matrix, 0, OUTPUTS / TILE, rows, ROWS, out.data(), OUTPUTS, false);
    for (int activation = 0; activation < 2; activation++) {
        kernels.multiply_gated(matrix, 0, 1, rows, ROWS, gated.data(), TILE, activation);
        append(out, gated);
    }
    return out;
}

// Seven queries over four blocks of the cache, with a window and without.
std::vector<float> attend(const Kernels &kernels) {
    constexpr int DIM = 64, QUERIES = 7;
    constexpr size_t OF_VALUES = TOKENS * DIM;
    state = 99;
    std::vector<uint16_t> cache(8 * OF_VALUES);
    for (auto &value : cache) value = static_cast<uint16_t>(0x3e00 + draw() % 0x180 + (draw() % 2) * 0x8000);
    const int32_t blocks[] = {2, 0, 3, 1};
    std::vector<float> heads(QUERIES * DIM), norm(DIM), out;
    for (auto &value : heads) value = draw_float();
    for (auto &value : norm) value = draw_float();
    for (int i = 0; i < QUERIES; i++) kernels.normalise(&heads[i * DIM], norm.data(), 1e-6f, DIM);
    for (int window : {0, 40}) {
        std::vector<float> answers(QUERIES * DIM);
        Query queries[QUERIES];
        for (int i = 0; i < QUERIES; i++) queries[i] = {&heads[i * DIM], &answers[i * DIM], 17 * i + 3};
        kernels.attend(queries, QUERIES, DIM, window, blocks, cache.data(), 2 * OF_VALUES, OF_VALUES);
        append(out, answers);
    }
    return out;
}

}  // namespace

int main() {
    bool differs = false;
    for (int32_t part = 0; part <= KINDS; part++) {
        auto compute = [part](const Kernels &kernels) {
            return part == KINDS ? attend(kernels) : multiply(kernels, part);
        };
        const uint64_t first = hash_of(compute(FIRST)), portable = hash_of(compute(kernels_portable));
        std::printf("%d %016llx\n", part, static_cast<unsigned long long>(portable));
        differs |= first != portable;
    }
    return differs;
}
