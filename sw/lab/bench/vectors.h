/* Vectors of 16 floats by the extensions that GCC and Clang share, or of LANES = 8 where whoever includes this says so;
 * the compiler splits them where registers are narrower, which GCC does badly. No intrinsics: the same text is compiled
 * for every processor. */
#include <stdint.h>
#include <string.h>

#ifndef LANES
#define LANES 16
#endif

typedef float V __attribute__((vector_size(4 * LANES)));
typedef int32_t I __attribute__((vector_size(4 * LANES)));
typedef uint8_t B __attribute__((vector_size(LANES), aligned(1)));

#define INLINE static inline __attribute__((always_inline))
#define ALIGNED __attribute__((aligned(4 * LANES)))

#if LANES == 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#else
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#endif

/* The lower and upper halves of two vectors, added and interleaved. */
INLINE V halves(V a, V b)
{
    return __builtin_shufflevector(a, b, LOW) + __builtin_shufflevector(a, b, HIGH);
}

/* The sums over the lanes of LANES vectors f(0) ... f(LANES - 1), as one vector: for 16, in 15 steps instead of 16 times
 * 4. */
#define SUMS_2(f, i) halves(f(i), f((i) + LANES / 2))
#define SUMS_4(f, i) halves(SUMS_2(f, i), SUMS_2(f, (i) + LANES / 4))
#define SUMS_8(f, i) halves(SUMS_4(f, i), SUMS_4(f, (i) + LANES / 8))
#define SUMS_16(f) halves(SUMS_8(f, 0), SUMS_8(f, 1))
#if LANES == 16
#define SUMS(f) SUMS_16(f)
#else
#define SUMS(f) SUMS_8(f, 0)
#endif

#if LANES == 16
#define FOLD(a, op)                                                                                                    \
    a = op(a, __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));                    \
    a = op(a, __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));                    \
    a = op(a, __builtin_shufflevector(a, a, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));                    \
    a = op(a, __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14))
#else
#define FOLD(a, op)                                                                                                    \
    a = op(a, __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3));                                                  \
    a = op(a, __builtin_shufflevector(a, a, 2, 3, 0, 1, 6, 7, 4, 5));                                                  \
    a = op(a, __builtin_shufflevector(a, a, 1, 0, 3, 2, 5, 4, 7, 6))
#endif

/* a in the lanes where a comparison held, else b. C has no ?: for vectors. */
INLINE V select(I where, V a, V b) { return (V)(((I)a & where) | ((I)b & ~where)); }

INLINE V plus(V a, V b) { return a + b; }
INLINE V larger(V a, V b) { return select(a > b, a, b); }

INLINE float sum(V a)
{
    FOLD(a, plus);
    return a[0];
}

INLINE float largest(V a)
{
    FOLD(a, larger);
    return a[0];
}
