// Sixteen floats that are computed lane by lane.  Every instruction set gives the same bits: a lane
// depends on its own lane alone, sums of lanes are one fixed tree, and nothing is fused but `fma`.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(FIRESIDE_AVX512) || defined(FIRESIDE_AVX2)
#include <immintrin.h>
#elif defined(FIRESIDE_NEON)
#include <arm_neon.h>
#endif

#if defined(FIRESIDE_AVX512) || defined(FIRESIDE_AVX2) || defined(FIRESIDE_NEON)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

namespace fireside {
namespace {

constexpr int LANES = 16;

#if defined(FIRESIDE_AVX512)

struct Floats {
    __m512 v;
};
INLINE Floats load(const float *p) { return {_mm512_loadu_ps(p)}; }
INLINE void store(float *p, Floats a) { _mm512_storeu_ps(p, a.v); }
INLINE Floats all(float a) { return {_mm512_set1_ps(a)}; }
INLINE Floats operator+(Floats a, Floats b) { return {_mm512_add_ps(a.v, b.v)}; }
INLINE Floats operator-(Floats a, Floats b) { return {_mm512_sub_ps(a.v, b.v)}; }
INLINE Floats operator*(Floats a, Floats b) { return {_mm512_mul_ps(a.v, b.v)}; }
INLINE Floats operator/(Floats a, Floats b) { return {_mm512_div_ps(a.v, b.v)}; }
INLINE Floats fma(Floats a, Floats b, Floats c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
INLINE Floats larger(Floats a, Floats b) { return {_mm512_max_ps(a.v, b.v)}; }
INLINE Floats smaller(Floats a, Floats b) { return {_mm512_min_ps(a.v, b.v)}; }
INLINE Floats magnitude(Floats a) { return {_mm512_abs_ps(a.v)}; }
INLINE Floats load_half(const uint16_t *p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)))};
}
INLINE Floats load_bfloat(const uint16_t *p) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}
// The float whose bits are those of a, plus those of b moved 23 places up.
INLINE Floats scale_by_bits(Floats a, Floats b) {
    __m512i moved = _mm512_slli_epi32(_mm512_castps_si512(b.v), 23);
    return {_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a.v), moved))};
}
// Each lane, which is a whole number between -128 and 127, as a byte.
INLINE void store_bytes(int8_t *p, Floats a) {
    __m128i bytes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(a.v));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(p), bytes);
}

#elif defined(FIRESIDE_AVX2)

struct Floats {
    __m256 lo, hi;
};
INLINE Floats load(const float *p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
INLINE void store(float *p, Floats a) {
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
}
INLINE Floats all(float a) { return {_mm256_set1_ps(a), _mm256_set1_ps(a)}; }
INLINE Floats operator+(Floats a, Floats b) {
    return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
INLINE Floats operator-(Floats a, Floats b) {
    return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
INLINE Floats operator*(Floats a, Floats b) {
    return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
INLINE Floats operator/(Floats a, Floats b) {
    return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
INLINE Floats fma(Floats a, Floats b, Floats c) {
    return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
INLINE Floats larger(Floats a, Floats b) {
    return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
INLINE Floats smaller(Floats a, Floats b) {
    return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)};
}
INLINE Floats magnitude(Floats a) {
    __m256 mask = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    return {_mm256_and_ps(a.lo, mask), _mm256_and_ps(a.hi, mask)};
}
INLINE Floats load_half(const uint16_t *p) {
    const __m128i *q = reinterpret_cast<const __m128i *>(p);
    return {_mm256_cvtph_ps(_mm_loadu_si128(q)), _mm256_cvtph_ps(_mm_loadu_si128(q + 1))};
}
INLINE __m256 bfloats(__m128i a) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(a), 16));
}
INLINE Floats load_bfloat(const uint16_t *p) {
    const __m128i *q = reinterpret_cast<const __m128i *>(p);
    return {bfloats(_mm_loadu_si128(q)), bfloats(_mm_loadu_si128(q + 1))};
}
INLINE __m256 scaled_half(__m256 a, __m256 b) {
    __m256i moved = _mm256_slli_epi32(_mm256_castps_si256(b), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), moved));
}
INLINE Floats scale_by_bits(Floats a, Floats b) {
    return {scaled_half(a.lo, b.lo), scaled_half(a.hi, b.hi)};
}
INLINE void store_bytes(int8_t *p, Floats a) {
    __m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi));
    words = _mm256_permute4x64_epi64(words, 0xd8);
    __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words),
                                    _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(p), bytes);
}

#elif defined(FIRESIDE_NEON)

struct Floats {
    float32x4_t v[4];
};
#define EACH(expression)                                                                           \
    Floats out;                                                                                    \
    for (int i = 0; i < 4; i++) out.v[i] = (expression);                                           \
    return out
INLINE Floats load(const float *p) { EACH(vld1q_f32(p + 4 * i)); }
INLINE void store(float *p, Floats a) {
    for (int i = 0; i < 4; i++) vst1q_f32(p + 4 * i, a.v[i]);
}
INLINE Floats all(float a) { EACH(vdupq_n_f32(a)); }
INLINE Floats operator+(Floats a, Floats b) { EACH(vaddq_f32(a.v[i], b.v[i])); }
INLINE Floats operator-(Floats a, Floats b) { EACH(vsubq_f32(a.v[i], b.v[i])); }
INLINE Floats operator*(Floats a, Floats b) { EACH(vmulq_f32(a.v[i], b.v[i])); }
INLINE Floats operator/(Floats a, Floats b) { EACH(vdivq_f32(a.v[i], b.v[i])); }
INLINE Floats fma(Floats a, Floats b, Floats c) { EACH(vfmaq_f32(c.v[i], a.v[i], b.v[i])); }
// As x86 has them: the second operand where they are equal.
INLINE Floats larger(Floats a, Floats b) {
    EACH(vbslq_f32(vcgtq_f32(a.v[i], b.v[i]), a.v[i], b.v[i]));
}
INLINE Floats smaller(Floats a, Floats b) {
    EACH(vbslq_f32(vcltq_f32(a.v[i], b.v[i]), a.v[i], b.v[i]));
}
INLINE Floats magnitude(Floats a) { EACH(vabsq_f32(a.v[i])); }
INLINE Floats load_half(const uint16_t *p) {
    EACH(vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * i))));
}
INLINE Floats load_bfloat(const uint16_t *p) {
    EACH(vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * i), 16)));
}
INLINE Floats scale_by_bits(Floats a, Floats b) {
    EACH(vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(a.v[i]),
                                         vshlq_n_s32(vreinterpretq_s32_f32(b.v[i]), 23))));
}
INLINE void store_bytes(int8_t *p, Floats a) {
    int16x8_t low = vcombine_s16(vmovn_s32(vcvtnq_s32_f32(a.v[0])), vmovn_s32(vcvtnq_s32_f32(a.v[1])));
    int16x8_t high = vcombine_s16(vmovn_s32(vcvtnq_s32_f32(a.v[2])), vmovn_s32(vcvtnq_s32_f32(a.v[3])));
    vst1q_s8(p, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
}
#undef EACH

#else  // any processor

struct Floats {
    float v[LANES];
};
#define EACH(expression)                                                                           \
    Floats out;                                                                                    \
    for (int i = 0; i < LANES; i++) out.v[i] = (expression);                                       \
    return out
INLINE float from_bits(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}
INLINE uint32_t bits_of(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    return bits;
}
INLINE float from_half(uint16_t half) {
    uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
    uint32_t power = (half >> 10) & 31, rest = half & 1023;
    if (power == 31) return from_bits(sign | 0x7f800000 | rest << 13);
    if (power) return from_bits(sign | (power + 112) << 23 | rest << 13);
    float value = static_cast<float>(rest) * (1.0f / (1 << 24));
    return sign ? -value : value;
}
INLINE Floats load(const float *p) { EACH(p[i]); }
INLINE void store(float *p, Floats a) { std::memcpy(p, a.v, sizeof a.v); }
INLINE Floats all(float a) { EACH(a); }
INLINE Floats operator+(Floats a, Floats b) { EACH(a.v[i] + b.v[i]); }
INLINE Floats operator-(Floats a, Floats b) { EACH(a.v[i] - b.v[i]); }
INLINE Floats operator*(Floats a, Floats b) { EACH(a.v[i] * b.v[i]); }
INLINE Floats operator/(Floats a, Floats b) { EACH(a.v[i] / b.v[i]); }
INLINE Floats fma(Floats a, Floats b, Floats c) { EACH(std::fmaf(a.v[i], b.v[i], c.v[i])); }
INLINE Floats larger(Floats a, Floats b) { EACH(a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
INLINE Floats smaller(Floats a, Floats b) { EACH(a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
INLINE Floats magnitude(Floats a) { EACH(std::fabs(a.v[i])); }
INLINE Floats load_half(const uint16_t *p) { EACH(from_half(p[i])); }
INLINE Floats load_bfloat(const uint16_t *p) { EACH(from_bits(static_cast<uint32_t>(p[i]) << 16)); }
INLINE Floats scale_by_bits(Floats a, Floats b) {
    EACH(from_bits(bits_of(a.v[i]) + (bits_of(b.v[i]) << 23)));
}
INLINE void store_bytes(int8_t *p, Floats a) {
    for (int i = 0; i < LANES; i++) p[i] = static_cast<int8_t>(a.v[i]);
}
#undef EACH

#endif

constexpr float MAGIC = 12582912.0f;  // 1.5 × 2^23: adding it rounds to a whole number

// The nearest whole number, even where two are as near; for magnitudes below 2^22.
INLINE Floats nearest(Floats a) { return (a + all(MAGIC)) - all(MAGIC); }

INLINE float sum(Floats a) {
    float v[LANES];
    store(v, a);
    for (int width = LANES / 2; width; width /= 2)
        for (int i = 0; i < width; i++) v[i] = v[i] + v[i + width];
    return v[0];
}

INLINE float largest(Floats a) {
    float v[LANES];
    store(v, a);
    float best = v[0];
    for (int i = 1; i < LANES; i++) best = v[i] > best ? v[i] : best;
    return best;
}

// e to the power of a, within two units in the last place; a below -87 counts as -87.
INLINE Floats power_of_e(Floats a) {
    a = smaller(larger(a, all(-87.0f)), all(88.0f));
    Floats shifted = fma(a, all(1.44269504f), all(MAGIC));
    Floats whole = shifted - all(MAGIC);
    Floats rest = fma(whole, all(-0.693359375f), a);
    rest = fma(whole, all(2.12194440e-4f), rest);
    Floats value = all(1.9875691500e-4f);
    value = fma(value, rest, all(1.3981999507e-3f));
    value = fma(value, rest, all(8.3334519073e-3f));
    value = fma(value, rest, all(4.1665795894e-2f));
    value = fma(value, rest, all(1.6666665459e-1f));
    value = fma(value, rest, all(5.0000001201e-1f));
    value = fma(value, rest * rest, rest) + all(1.0f);
    return scale_by_bits(value, shifted);
}

}  // namespace
}  // namespace fireside
