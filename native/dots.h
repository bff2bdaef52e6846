// Exact products of bytes: 16 columns × 4 inputs at a time.
#pragma once

#include "floats.h"
#include "model.h"

namespace fireside {
namespace {

#if defined(FIRESIDE_AVX512)

struct Ints {
    __m512i v;
};
struct Bytes {
    __m512i v;
};
constexpr bool TAKES_SIGNED = false;
INLINE Ints all_ints(int32_t a) { return {_mm512_set1_epi32(a)}; }
INLINE Bytes load_tile(const uint8_t *p) { return {_mm512_loadu_si512(p)}; }
INLINE Bytes low_halves(Bytes a) { return {_mm512_and_si512(a.v, _mm512_set1_epi8(15))}; }
INLINE Bytes high_halves(Bytes a) {
    return {_mm512_and_si512(_mm512_srli_epi16(a.v, 4), _mm512_set1_epi8(15))};
}
INLINE Bytes join(Bytes a, Bytes b) { return {_mm512_or_si512(a.v, b.v)}; }
// COUNT bits of each byte from `place` on, as bits 4 and 5.
template <int COUNT>
INLINE Bytes bits_up(Bytes a, int place) {
    __m512i moved = _mm512_srl_epi16(a.v, _mm_cvtsi32_si128(place));
    __m512i mask = _mm512_set1_epi8((1 << COUNT) - 1);
    return {_mm512_slli_epi16(_mm512_and_si512(moved, mask), 4)};
}
// sum + the four products of each column; four: four activations, byte by byte.  IS_BYTES: of 8 bits,
// which are less 128 here if TAKES_SIGNED.
template <bool IS_BYTES>
INLINE Ints dot(Ints sum, Bytes weights, int32_t four) {
    return {_mm512_dpbusd_epi32(sum.v, weights.v, _mm512_set1_epi32(four))};
}
INLINE Floats to_floats(Ints a) { return {_mm512_cvtepi32_ps(a.v)}; }
// 16 whole numbers of 8 bits.
INLINE Floats load_bytes(const int8_t *p) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(p));
    return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))};
}

#elif defined(FIRESIDE_AVX2)

struct Ints {
    __m256i lo, hi;
};
struct Bytes {
    __m256i lo, hi;
};
constexpr bool TAKES_SIGNED = true;
INLINE Ints all_ints(int32_t a) { return {_mm256_set1_epi32(a), _mm256_set1_epi32(a)}; }
INLINE Bytes load_tile(const uint8_t *p) {
    const __m256i *q = reinterpret_cast<const __m256i *>(p);
    return {_mm256_loadu_si256(q), _mm256_loadu_si256(q + 1)};
}
INLINE Bytes low_halves(Bytes a) {
    __m256i mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(a.lo, mask), _mm256_and_si256(a.hi, mask)};
}
INLINE Bytes high_halves(Bytes a) {
    __m256i mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(_mm256_srli_epi16(a.lo, 4), mask),
            _mm256_and_si256(_mm256_srli_epi16(a.hi, 4), mask)};
}
INLINE Bytes join(Bytes a, Bytes b) {
    return {_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)};
}
template <int COUNT>
INLINE __m256i bits_up_half(__m256i a, int place) {
    __m256i moved = _mm256_srl_epi16(a, _mm_cvtsi32_si128(place));
    return _mm256_slli_epi16(_mm256_and_si256(moved, _mm256_set1_epi8((1 << COUNT) - 1)), 4);
}
template <int COUNT>
INLINE Bytes bits_up(Bytes a, int place) {
    return {bits_up_half<COUNT>(a.lo, place), bits_up_half<COUNT>(a.hi, place)};
}
// 63 × 127 twice fits 16 bits, and so does 128 × 127 twice: nothing saturates.
template <bool IS_BYTES>
INLINE __m256i dot_half(__m256i sum, __m256i weights, __m256i x) {
    if constexpr (IS_BYTES) {
        weights = _mm256_xor_si256(weights, _mm256_set1_epi8(-128));
        x = _mm256_sign_epi8(x, weights);
        weights = _mm256_abs_epi8(weights);
    }
    __m256i pairs = _mm256_maddubs_epi16(weights, x);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
template <bool IS_BYTES>
INLINE Ints dot(Ints sum, Bytes weights, int32_t four) {
    __m256i x = _mm256_set1_epi32(four);
    return {dot_half<IS_BYTES>(sum.lo, weights.lo, x), dot_half<IS_BYTES>(sum.hi, weights.hi, x)};
}
INLINE Floats to_floats(Ints a) { return {_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)}; }
INLINE Floats load_bytes(const int8_t *p) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(p));
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
            _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)))};
}

#elif defined(FIRESIDE_NEON)

struct Ints {
    int32x4_t v[4];
};
struct Bytes {
    uint8x16_t v[4];
};
constexpr bool TAKES_SIGNED = true;
#define EACH(type, expression)                                                                     \
    type out;                                                                                      \
    for (int i = 0; i < 4; i++) out.v[i] = (expression);                                           \
    return out
INLINE Ints all_ints(int32_t a) { EACH(Ints, vdupq_n_s32(a)); }
INLINE Bytes load_tile(const uint8_t *p) { EACH(Bytes, vld1q_u8(p + 16 * i)); }
INLINE Bytes low_halves(Bytes a) { EACH(Bytes, vandq_u8(a.v[i], vdupq_n_u8(15))); }
INLINE Bytes high_halves(Bytes a) { EACH(Bytes, vshrq_n_u8(a.v[i], 4)); }
INLINE Bytes join(Bytes a, Bytes b) { EACH(Bytes, vorrq_u8(a.v[i], b.v[i])); }
template <int COUNT>
INLINE Bytes bits_up(Bytes a, int place) {
    int8x16_t by = vdupq_n_s8(static_cast<int8_t>(-place));
    EACH(Bytes, vshlq_n_u8(vandq_u8(vshlq_u8(a.v[i], by), vdupq_n_u8((1 << COUNT) - 1)), 4));
}
template <bool IS_BYTES>
INLINE Ints dot(Ints sum, Bytes weights, int32_t four) {
    int8x16_t x = vreinterpretq_s8_s32(vdupq_n_s32(four));
    uint8x16_t top = vdupq_n_u8(IS_BYTES ? 128 : 0);
    EACH(Ints, vdotq_s32(sum.v[i], vreinterpretq_s8_u8(veorq_u8(weights.v[i], top)), x));
}
INLINE Floats to_floats(Ints a) { EACH(Floats, vcvtq_f32_s32(a.v[i])); }
INLINE Floats load_bytes(const int8_t *p) {
    int8x16_t bytes = vld1q_s8(p);
    int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_s8(vget_high_s8(bytes));
    int32x4_t words[4] = {vmovl_s16(vget_low_s16(low)), vmovl_s16(vget_high_s16(low)),
                          vmovl_s16(vget_low_s16(high)), vmovl_s16(vget_high_s16(high))};
    EACH(Floats, vcvtq_f32_s32(words[i]));
}
#undef EACH

#else  // any processor

struct Ints {
    int32_t v[LANES];
};
struct Bytes {
    uint8_t v[64];
};
constexpr bool TAKES_SIGNED = false;
INLINE Ints all_ints(int32_t a) {
    Ints out;
    for (int i = 0; i < LANES; i++) out.v[i] = a;
    return out;
}
INLINE Bytes load_tile(const uint8_t *p) {
    Bytes out;
    std::memcpy(out.v, p, 64);
    return out;
}
INLINE Bytes low_halves(Bytes a) {
    for (int i = 0; i < 64; i++) a.v[i] &= 15;
    return a;
}
INLINE Bytes high_halves(Bytes a) {
    for (int i = 0; i < 64; i++) a.v[i] >>= 4;
    return a;
}
INLINE Bytes join(Bytes a, Bytes b) {
    for (int i = 0; i < 64; i++) a.v[i] |= b.v[i];
    return a;
}
template <int COUNT>
INLINE Bytes bits_up(Bytes a, int place) {
    for (int i = 0; i < 64; i++)
        a.v[i] = static_cast<uint8_t>((a.v[i] >> place & ((1 << COUNT) - 1)) << 4);
    return a;
}
template <bool IS_BYTES>
INLINE Ints dot(Ints sum, Bytes weights, int32_t four) {
    int8_t x[4];
    std::memcpy(x, &four, 4);
    for (int i = 0; i < LANES; i++)
        for (int j = 0; j < 4; j++) sum.v[i] += weights.v[4 * i + j] * x[j];
    return sum;
}
INLINE Floats to_floats(Ints a) {
    Floats out;
    for (int i = 0; i < LANES; i++) out.v[i] = static_cast<float>(a.v[i]);
    return out;
}
INLINE Floats load_bytes(const int8_t *p) {
    Floats out;
    for (int i = 0; i < LANES; i++) out.v[i] = static_cast<float>(p[i]);
    return out;
}

#endif

INLINE int32_t four_at(const int8_t *p) {
    int32_t four;
    std::memcpy(&four, p, 4);
    return four;
}

// 64 weights of 4 inputs each from group `g` of a block: of its first half and of its second.
template <int KIND>
INLINE void load_weights(const uint8_t *tile, int g, Bytes &first, Bytes &second) {
    constexpr int BITS = FORMATS[KIND].bits;
    if constexpr (BITS == 8) {
        first = load_tile(tile + g * 64);
        second = load_tile(tile + 256 + g * 64);
        return;
    }
    Bytes both = load_tile(tile + g * 64);
    first = low_halves(both);
    second = high_halves(both);
    if constexpr (BITS == 5) {
        Bytes top = load_tile(tile + 256);
        first = join(first, bits_up<1>(top, g));
        second = join(second, bits_up<1>(top, g + 4));
    } else if constexpr (BITS == 6) {
        first = join(first, bits_up<2>(load_tile(tile + 256), 2 * g));
        second = join(second, bits_up<2>(load_tile(tile + 320), 2 * g));
    }
}

// 16 columns against R rows.  tile: of the columns' first block; rows: at the first of them.
template <int KIND, int R>
INLINE void multiply_tile(const uint8_t *tile, int blocks, const Rows &rows, Floats *out) {
    constexpr Format F = FORMATS[KIND];
    constexpr int SHIFT = KIND == Q8_0 && TAKES_SIGNED ? 0 : F.shift;
    Floats super_scale = all(0.0f), super_least = all(0.0f);
    for (int r = 0; r < R; r++) out[r] = all(0.0f);
    for (int b = 0; b < blocks; b++) {
        if constexpr (F.is_super) {
            if (b % 8 == 0) {
                super_scale = load_half(reinterpret_cast<const uint16_t *>(tile));
                if (F.has_min) super_least = load_half(reinterpret_cast<const uint16_t *>(tile) + TILE);
                tile += bytes_of_head(KIND);
            }
        }
        Ints first[R], second[R];  // of the block's halves
        for (int r = 0; r < R; r++) {
            const int32_t *sums = rows.sums + 2 * (r * blocks + b);
            first[r] = all_ints(-SHIFT * sums[0]);
            second[r] = all_ints(-SHIFT * sums[1]);
        }
        for (int g = 0; g < 4; g++) {
            Bytes low, high;
            load_weights<KIND>(tile, g, low, high);
            for (int r = 0; r < R; r++) {
                const int8_t *x = rows.values + (r * blocks + b) * BLOCK + 4 * g;
                first[r] = dot<KIND == Q8_0>(first[r], low, four_at(x));
                second[r] = dot<KIND == Q8_0>(second[r], high, four_at(x + HALF));
            }
        }
        const uint8_t *scales = tile + bytes_of_values(KIND);
        if constexpr (F.halves) {
            const int8_t *small = reinterpret_cast<const int8_t *>(scales);
            Floats low = super_scale * load_bytes(small), high = super_scale * load_bytes(small + TILE);
            for (int r = 0; r < R; r++) {
                const float *scale = rows.scales + 2 * (r * blocks + b);
                out[r] = fma(low, to_floats(first[r]) * all(scale[0]), out[r]);
                out[r] = fma(high, to_floats(second[r]) * all(scale[1]), out[r]);
            }
        } else {
            Floats weight = F.is_super ? super_scale * load_bytes(reinterpret_cast<const int8_t *>(scales))
                                       : load_half(reinterpret_cast<const uint16_t *>(scales));
            for (int r = 0; r < R; r++) {
                const float *scale = rows.scales + 2 * (r * blocks + b);
                Floats whole = to_floats(first[r]) * all(scale[0]);
                out[r] = fma(weight, fma(to_floats(second[r]), all(scale[1]), whole), out[r]);
            }
        }
        if constexpr (F.has_min) {
            const uint8_t *at = scales + (F.is_super ? 16 : 32);
            Floats least = F.is_super ? super_least * load_bytes(reinterpret_cast<const int8_t *>(at))
                                      : load_half(reinterpret_cast<const uint16_t *>(at));
            for (int r = 0; r < R; r++)
                out[r] = fma(least, all(rows.scaled_sums[r * blocks + b]), out[r]);
        }
        tile += bytes_of_tile(KIND);
    }
}

}  // namespace
}  // namespace fireside
