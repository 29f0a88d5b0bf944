/* Slots, P and samples in vectors of 8, by AVX2 and FMA (with AVX-512, of 16 where most of the time goes), for operands
 * of at most 18 bits whose updates saturate only at the sum.
 *
 * Updates: a stored number n is held as the float HOLD + n, HOLD = 1.5 * 2^23, whose last bit is worth 1; the word of
 * this float is that of HOLD, plus n. A fused multiply-add to it rounds the exact sum to an integer, once, and half to
 * even. Half goes up in a core, so products that lie half way between two integers are left to kernel_plain.h. They are
 * rare, and known by the trailing zeros of their factors. So is what leaves its range: the or over all results tells.
 *
 * Sums of products: words times words in 64 bits, even and odd lanes apart. Errors of eight samples at a time take
 * half words times half words in 32 bits instead, where the largest element of the rows and the sum of |h| say that
 * nothing leaves them. So it is while vectors are small, with the first walks of a run; later on hardly ever, so that
 * after failures in a row it is tried more and more rarely.
 *
 * P is held transposed, [column][row], so that rows are lanes.
 */
#include <immintrin.h>

#define HOLD 0x4B400000 /* the word of 1.5 * 2^23 */
#define HELD_BITS 22
#define P_HOLD (HOLD + (1 << (P_BITS - 1)))
#define BETA_HOLD (HOLD + (1 << (BETA_BITS - 1)))
/* The bits of a held number in which none of its range has anything. */
#define OUTSIDE(bits) ((1 << HELD_BITS) - (1 << (bits)))
#define BEYOND 16 /* samples that may be read behind those of a context */
#define VECTORS (DIM / 8)
#define BLOCK (DIM % 32 == 0 ? 4 : DIM % 16 == 0 ? 2 : 1)
#define HALVES (DIM % 16 == 0 && E_SHIFT >= 1 && E_SHIFT <= 30)
#define PAIRS (HALVES ? VECTORS / 2 : 1)
#define RARELY 31 /* how many times it is left out between two trials, at most */
#if defined(__AVX512F__) && DIM % 16 == 0 && !defined(ONLY_AVX2)
#define DOUBLE_VECTORS 1
#define DOUBLES (DIM / 16)
#define DOUBLE_BLOCK (DIM % 64 == 0 ? 4 : DIM % 32 == 0 ? 2 : 1)
#else
#define DOUBLE_VECTORS 0
#endif
#define UNROLL _Pragma("GCC unroll 8")
#define ALIGNED __attribute__((aligned(64)))

typedef __m256i V; /* 8 words, or 4 double words */
typedef __m256 F;
#if DOUBLE_VECTORS
typedef __m512i W; /* two V in one */
typedef __m512 G;
#endif

typedef struct ALIGNED {
    V h[VECTORS], h_odd[VECTORS]; /* the latter with odd elements in even places */
    V u[VECTORS], k[VECTORS];
    F u_real[VECTORS], k_of_p[VECTORS], k_of_beta[VECTORS]; /* k times 2^-P_SHIFT and 2^-BETA_SHIFT */
    V h_halves[PAIRS], most; /* h in half words; up to which magnitude of a row's half words they may be used, in each */
    int64_t sum_h;
    uint32_t zeros_of_u, zeros_of_k; /* bit n: an element has n trailing zeros */
} Slot;

typedef struct ALIGNED {
    int32_t p[2][DIM][DIM]; /* P_HOLD + P, now and before, without what its diagonal has grown by */
    int now;
    V grown[VECTORS], diagonal[VECTORS]; /* that, and P_HOLD + the diagonal with it */
} Matrix;

/* The samples of a context and their errors. Samples are read 8 at a time; what those behind the last give is not
 * used. */
typedef struct ALIGNED {
    const int32_t *samples;
    const uint8_t *labels;
    int32_t *rows[MAX_SAMPLES + 8];
    float errors[MAX_SAMPLES + 8];
    uint8_t halves[MAX_SAMPLES / 8 + 1]; /* a bit for each: whether a product of its error and k may lie half way */
    int n, wide, pause; /* how many times half words are left out from now on, and were after the last failure */
    int32_t own_samples[MAX_SAMPLES + 2 * BEYOND];
    uint8_t own_labels[MAX_SAMPLES + 2 * BEYOND];
} Samples;

static const int32_t no_row[DIM] ALIGNED;

/* The diagonal of a matrix that has all of it. */
static void begin_diagonal(Matrix *m, const int32_t (*p)[DIM])
{
    memset(m->grown, 0, sizeof m->grown);
    for (int r = 0; r < DIM; r++) ((int32_t *)m->diagonal)[r] = p[r][r];
}

static void end_diagonal(Matrix *m, int32_t (*p)[DIM])
{
    for (int r = 0; r < DIM; r++) p[r][r] += ((int32_t *)m->grown)[r];
}

static void load_matrix(Matrix *m, const int64_t *p)
{
    m->now = 0;
    for (int r = 0; r < DIM; r++)
        for (int c = 0; c < DIM; c++) m->p[0][c][r] = P_HOLD + (int32_t)p[r * DIM + c];
    begin_diagonal(m, m->p[0]);
}

static void store_matrix(Matrix *m, int64_t *p)
{
    end_diagonal(m, m->p[m->now]);
    for (int r = 0; r < DIM; r++)
        for (int c = 0; c < DIM; c++) p[r * DIM + c] = m->p[m->now][c][r] - P_HOLD;
}

INLINE V words(const int32_t *x) { return _mm256_loadu_si256((const V *)x); }

INLINE V each(int32_t x) { return _mm256_set1_epi32(x); }

INLINE F power(int shift) { return _mm256_set1_ps(1.0f / (float)(INT64_C(1) << shift)); }

/* Words of odd places in even ones, for products. By a shuffle: processors that shift and multiply in the same place
 * shuffle in another. */
INLINE V odd_words(V x) { return _mm256_castps_si256(_mm256_movehdup_ps(_mm256_castsi256_ps(x))); }

/* Double words, rounded and shifted, of even and odd places as words. */
INLINE V narrowed(V even, V odd, int shift)
{
    const V half = _mm256_set1_epi64x((INT64_C(1) << shift) >> 1);
    even = _mm256_srli_epi64(_mm256_add_epi64(even, half), shift);
    odd = _mm256_srli_epi64(_mm256_add_epi64(odd, half), shift);
    return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}

INLINE V limited(V x, int bits) { return _mm256_max_epi32(_mm256_min_epi32(x, each(MAX(bits))), each(MIN(bits))); }

/* Bit i: whether the words i differ. */
INLINE int different(V a, V b) { return ~_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b))) & 0xFF; }

INLINE V lowest_bits(V x) { return _mm256_and_si256(x, _mm256_sub_epi32(_mm256_setzero_si256(), x)); }

INLINE uint32_t or_of(V x)
{
    __m128i y = _mm_or_si128(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    y = _mm_or_si128(y, _mm_shuffle_epi32(y, 0x4E));
    return _mm_cvtsi128_si32(_mm_or_si128(y, _mm_shuffle_epi32(y, 0xB1)));
}

/* Whether numbers with these trailing zeros may have a product with `zeros`. */
static int meet(uint32_t a, uint32_t b, int zeros)
{
    int found = 0;
    for (; a; a &= a - 1) found |= (uint64_t)b << __builtin_ctz(a) >> zeros & 1;
    return found;
}

#if DOUBLE_VECTORS
INLINE W double_words(const void *x) { return _mm512_loadu_si512(x); }

INLINE W double_odd(W x) { return _mm512_castps_si512(_mm512_movehdup_ps(_mm512_castsi512_ps(x))); }

INLINE V lower(W x) { return _mm512_castsi512_si256(x); }

INLINE V upper(W x) { return _mm512_extracti64x4_epi64(x, 1); }
#endif

INLINE V dot_lanes(const Slot *slot, const V *row)
{
#if DOUBLE_VECTORS
    W both = _mm512_setzero_si512();
    UNROLL for (int j = 0; j < DOUBLES; j++) {
        const W x = double_words(row + 2 * j);
        both = _mm512_add_epi64(both, _mm512_mul_epi32(x, double_words(slot->h + 2 * j)));
        both = _mm512_add_epi64(both, _mm512_mul_epi32(double_odd(x), double_words(slot->h_odd + 2 * j)));
    }
    return _mm256_add_epi64(lower(both), upper(both));
#endif
    V sum = _mm256_setzero_si256();
    UNROLL for (int j = 0; j < VECTORS; j++) {
        const V x = _mm256_loadu_si256(row + j);
        sum = _mm256_add_epi64(sum, _mm256_mul_epi32(x, slot->h[j]));
        sum = _mm256_add_epi64(sum, _mm256_mul_epi32(odd_words(x), slot->h_odd[j]));
    }
    return sum;
}

INLINE int64_t total(V sum)
{
    const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    return _mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1);
}

INLINE int32_t sum_of(V x)
{
    __m128i y = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    y = _mm_add_epi32(y, _mm_shuffle_epi32(y, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(y, _mm_shuffle_epi32(y, 0xB1)));
}

/* Two vectors of words as half words, which saturate; the places are mixed, always in the same way. */
INLINE V halves(const V *two) { return _mm256_packs_epi32(_mm256_loadu_si256(two), _mm256_loadu_si256(two + 1)); }

/* h in half words. A row whose magnitudes are at most `most` has a sum of products with h that stays, half a step of
 * rounding included, below 2^31. Saturated half words are above any `most`. */
static void load_halves(Slot *slot)
{
    V sum = _mm256_setzero_si256();
    UNROLL for (int j = 0; j < VECTORS; j++) sum = _mm256_add_epi32(sum, _mm256_abs_epi32(slot->h[j]));
    V largest = _mm256_setzero_si256();
    UNROLL for (int j = 0; j < PAIRS; j++) {
        slot->h_halves[j] = halves(slot->h + 2 * j);
        largest = _mm256_max_epu16(largest, _mm256_abs_epi16(slot->h_halves[j]));
    }
    const int32_t room = INT32_MAX - (int32_t)(INT64_C(1) << E_SHIFT >> 1);
    int32_t most = room / (sum_of(sum) + 1);
    if (most > 0x7FFE) most = 0x7FFE;
    if (!_mm256_testz_si256(_mm256_subs_epu16(largest, _mm256_set1_epi16(0x7FFE)), each(-1))) most = 0;
    slot->most = _mm256_set1_epi16((int16_t)most);
}

static void load(Slot *slot, const int32_t *row)
{
    V sum = _mm256_setzero_si256();
    UNROLL for (int j = 0; j < VECTORS; j++) {
        const V x = words(row + 8 * j);
        slot->h[j] = x;
        slot->h_odd[j] = _mm256_srli_epi64(x, 32);
        sum = _mm256_add_epi32(sum, x);
    }
    slot->sum_h = sum_of(sum);
    if (HALVES) load_halves(slot);
}

/* ---- P */

/* The update of P as it is defined, from the matrix before, which has all of its diagonal, to the present one. */
static void update_p_plain(const int32_t (*from)[DIM], int32_t (*to)[DIM], const Slot *before, int64_t *counters)
{
    const int32_t *u = (const int32_t *)before->u, *k = (const int32_t *)before->k;
    for (int r = 0; r < DIM; r++)
        for (int c = 0; c < DIM; c += LANES) {
            int bad = 0;
            for (int j = c; j < c + LANES; j++)
                to[j][r] = P_HOLD + (int32_t)updated_p(from[j][r] - P_HOLD, u[r], k[j], 0, &bad);
            counters[SAT_P] += bad;
        }
}

/* The update of P by u and k (without, if they are null), and its product with h in sums, by even and odd rows, P_HOLD
 * included. Returns whether anything has left its range. */
INLINE int swept(const int32_t (*from)[DIM], int32_t (*to)[DIM], const F *u, const float *k, const int32_t *h, V *sums)
{
#if DOUBLE_VECTORS
    W outside = _mm512_setzero_si512();
    for (int first = 0; first < DOUBLES; first += DOUBLE_BLOCK) {
        W even[DOUBLE_BLOCK], odd[DOUBLE_BLOCK];
        G own[DOUBLE_BLOCK];
        UNROLL for (int i = 0; i < DOUBLE_BLOCK; i++) {
            even[i] = odd[i] = _mm512_setzero_si512();
            if (u) own[i] = _mm512_castsi512_ps(double_words(u + 2 * (first + i)));
        }
        for (int j = 0; j < DIM; j++) {
            const W hj = _mm512_set1_epi32(h[j]);
            UNROLL for (int i = 0; i < DOUBLE_BLOCK; i++) {
                W x = double_words(from[j] + 16 * (first + i));
                if (u) {
                    x = _mm512_castps_si512(_mm512_fnmadd_ps(own[i], _mm512_set1_ps(k[j]), _mm512_castsi512_ps(x)));
                    outside = _mm512_or_si512(outside, x);
                    _mm512_store_si512(to[j] + 16 * (first + i), x);
                }
                even[i] = _mm512_add_epi64(even[i], _mm512_mul_epi32(x, hj));
                odd[i] = _mm512_add_epi64(odd[i], _mm512_mul_epi32(double_odd(x), hj));
            }
        }
        UNROLL for (int i = 0; i < DOUBLE_BLOCK; i++) {
            V *of = sums + 4 * (first + i);
            of[0] = lower(even[i]), of[1] = lower(odd[i]), of[2] = upper(even[i]), of[3] = upper(odd[i]);
        }
    }
    return _mm512_test_epi32_mask(outside, _mm512_set1_epi32(OUTSIDE(P_BITS))) != 0;
#endif
    V bad = _mm256_setzero_si256();
    for (int first = 0; first < VECTORS; first += BLOCK) {
        V even[BLOCK], odd[BLOCK];
        F own[BLOCK];
        UNROLL for (int i = 0; i < BLOCK; i++) {
            even[i] = odd[i] = _mm256_setzero_si256();
            if (u) own[i] = u[first + i];
        }
        for (int j = 0; j < DIM; j++) {
            const V hj = each(h[j]);
            UNROLL for (int i = 0; i < BLOCK; i++) {
                V x = words(from[j] + 8 * (first + i));
                if (u) {
                    x = _mm256_castps_si256(_mm256_fnmadd_ps(own[i], _mm256_set1_ps(k[j]), _mm256_castsi256_ps(x)));
                    bad = _mm256_or_si256(bad, x);
                    _mm256_store_si256((V *)(to[j] + 8 * (first + i)), x);
                }
                even[i] = _mm256_add_epi64(even[i], _mm256_mul_epi32(x, hj));
                odd[i] = _mm256_add_epi64(odd[i], _mm256_mul_epi32(odd_words(x), hj));
            }
        }
        UNROLL for (int i = 0; i < BLOCK; i++) {
            sums[2 * (first + i)] = even[i];
            sums[2 * (first + i) + 1] = odd[i];
        }
    }
    return !_mm256_testz_si256(bad, each(OUTSIDE(P_BITS)));
}

static void product(const int32_t (*p)[DIM], const int32_t *h, V *sums) { swept(p, 0, 0, 0, h, sums); }

/* What is added to elements of the diagonal below `limit`; in the diagonal and beside the matrix. */
INLINE void grow(Matrix *m, int32_t q, int32_t limit)
{
    UNROLL for (int j = 0; j < VECTORS; j++) {
        const V step = _mm256_and_si256(_mm256_cmpgt_epi32(each(limit), m->diagonal[j]), each(q));
        m->grown[j] = _mm256_add_epi32(m->grown[j], step);
        m->diagonal[j] = _mm256_add_epi32(m->diagonal[j], step);
    }
}

/* The update of the diagonal; returns whether it has left its range. */
INLINE int diagonal_swept(Matrix *m, const Slot *before)
{
    V bad = _mm256_setzero_si256();
    UNROLL for (int j = 0; j < VECTORS; j++) {
        const F old = _mm256_castsi256_ps(m->diagonal[j]);
        m->diagonal[j] = _mm256_castps_si256(_mm256_fnmadd_ps(before->u_real[j], before->k_of_p[j], old));
        bad = _mm256_or_si256(bad, m->diagonal[j]);
    }
    return !_mm256_testz_si256(bad, each(OUTSIDE(P_BITS)));
}

/* The update of P by a context (or none), then u of another one (or none). */
static void sweep(Matrix *m, const Slot *before, Slot *next, int64_t q, int64_t p0, int64_t *counters)
{
    V sums[2 * VECTORS];
    const int32_t *h = next ? (const int32_t *)next->h : no_row;
    if (before) {
        int32_t(*from)[DIM] = m->p[m->now], (*to)[DIM] = m->p[!m->now];
        m->now = !m->now;
        grow(m, (int32_t)q, P_HOLD + (int32_t)p0);
        if (__builtin_expect(meet(before->zeros_of_u, before->zeros_of_k, P_SHIFT - 1), 0) ||
            __builtin_expect(diagonal_swept(m, before), 0) ||
            __builtin_expect(swept(from, to, before->u_real, (const float *)before->k_of_p, h, sums), 0)) {
            end_diagonal(m, from);
            update_p_plain(from, to, before, counters);
            begin_diagonal(m, to);
            product(to, h, sums);
        }
    } else
        product(m->p[m->now], h, sums);
    if (!next) return;
    UNROLL for (int j = 0; j < VECTORS; j++) {
        const V grown = m->grown[j], h = next->h[j];
        sums[2 * j] = _mm256_add_epi64(sums[2 * j], _mm256_mul_epi32(grown, h));
        sums[2 * j + 1] = _mm256_add_epi64(sums[2 * j + 1], _mm256_mul_epi32(_mm256_srli_epi64(grown, 32), next->h_odd[j]));
    }
    const V held = _mm256_set1_epi64x(P_HOLD * next->sum_h);
    V zeros = _mm256_setzero_si256();
    for (int j = 0; j < VECTORS; j++) {
        const V even = _mm256_sub_epi64(sums[2 * j], held), odd = _mm256_sub_epi64(sums[2 * j + 1], held);
        const V exact = narrowed(even, odd, U_SHIFT), u = limited(exact, U_BITS);
        counters[SAT_U] += __builtin_popcount(different(exact, u));
        next->u[j] = u;
        next->u_real[j] = _mm256_cvtepi32_ps(u);
        zeros = _mm256_or_si256(zeros, lowest_bits(u));
    }
    next->zeros_of_u = or_of(zeros);
}

static void gain(Slot *slot, int64_t p0, const Table *table, int64_t *counters)
{
    const V *vector = CONSTANT ? slot->h : slot->u;
    const int64_t sum = total(dot_lanes(slot, vector));
    const int64_t g = CONSTANT ? factor_of(table, sum, p0, counters) : gain_of(table, sum, counters);
    const V factor = _mm256_set1_epi64x(g);
    V zeros = _mm256_setzero_si256();
    int clipped = 0;
    for (int j = 0; j < VECTORS; j++) {
        const V even = _mm256_mul_epi32(vector[j], factor);
        const V odd = _mm256_mul_epi32(_mm256_srli_epi64(vector[j], 32), factor);
        const V exact = narrowed(even, odd, K_SHIFT), k = limited(exact, K_BITS);
        clipped |= different(exact, k);
        slot->k[j] = k;
        slot->k_of_p[j] = _mm256_mul_ps(_mm256_cvtepi32_ps(k), power(P_SHIFT));
        slot->k_of_beta[j] = _mm256_mul_ps(_mm256_cvtepi32_ps(k), power(BETA_SHIFT));
        zeros = _mm256_or_si256(zeros, lowest_bits(k));
    }
    slot->zeros_of_k = or_of(zeros);
    if (__builtin_expect(clipped, 0)) {
        int64_t u[DIM], k[DIM];
        for (int r = 0; r < DIM; r++) u[r] = ((const int32_t *)vector)[r];
        gain_plain(g, u, k, counters);
    }
}

/* ---- samples */

/* Of n samples, and `left` from the first of them to the end of all. */
static void fetch(Samples *s, int32_t *beta, const int32_t *samples, const uint8_t *labels, int n, int64_t left)
{
    if (left < n + BEYOND) {
        memset(s->own_samples, 0, sizeof s->own_samples);
        memset(s->own_labels, 0, sizeof s->own_labels);
        memcpy(s->own_samples, samples, left * sizeof *samples);
        memcpy(s->own_labels, labels, left);
        samples = s->own_samples, labels = s->own_labels;
    }
    s->samples = samples, s->labels = labels, s->n = n;
    for (int x = 0; x < n; x++) s->rows[x] = row_of(beta, samples[x]);
    for (int x = n; x % 8; x++) s->rows[x] = beta;
}

/* The rows of the samples from `first` to `end` are needed soon. Few at a time: all those of a context at once wait for
 * each other. */
INLINE void ask_for(const Samples *s, int first, int end)
{
    if (end > s->n) end = s->n;
    for (int x = first; x < end; x++)
        UNROLL for (int j = 0; j < DIM; j += 16) __builtin_prefetch(s->rows[x] + j);
}

INLINE void read_one(Samples *s, int x, const Slot *slot, int64_t *counters)
{
    const int32_t e = error_of(total(dot_lanes(slot, (const V *)s->rows[x])), s->labels[x], counters);
    const int half = (uint64_t)(uint32_t)(e & -e) * slot->zeros_of_k >> (BETA_SHIFT - 1) & 1;
    s->errors[x] = e;
    s->halves[x / 8] = (s->halves[x / 8] & ~(1 << x % 8)) | half << x % 8;
}

/* Sums of the lanes of four vectors. */
INLINE V totals(V a, V b, V c, V d)
{
    const V ab = _mm256_add_epi64(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    const V cd = _mm256_add_epi64(_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
    return _mm256_add_epi64(_mm256_permute2x128_si256(ab, cd, 0x20), _mm256_permute2x128_si256(ab, cd, 0x31));
}

/* Dot products of the samples x ... x + 7, rounded: in 64 bits ... */
static __attribute__((noinline)) V dots_wide(const Samples *s, int x, const Slot *slot)
{
#define LANES_OF(i) dot_lanes(slot, (const V *)s->rows[x + (i)])
    const V even = totals(LANES_OF(0), LANES_OF(2), LANES_OF(4), LANES_OF(6));
    const V odd = totals(LANES_OF(1), LANES_OF(3), LANES_OF(5), LANES_OF(7));
    return narrowed(even, odd, E_SHIFT);
}

/* ... and in 32, where they fit. */
INLINE V dots(Samples *s, int x, const Slot *slot)
{
    if (!HALVES) return dots_wide(s, x, slot);
    if (s->wide) {
        s->wide--;
        return dots_wide(s, x, slot);
    }
    V largest = _mm256_setzero_si256(), sums[8];
    UNROLL for (int i = 0; i < 8; i++) {
        const V *row = (const V *)s->rows[x + i];
        UNROLL for (int j = 0; j < PAIRS; j++) {
            const V pair = halves(row + 2 * j), product = _mm256_madd_epi16(pair, slot->h_halves[j]);
            largest = _mm256_max_epu16(largest, _mm256_abs_epi16(pair));
            sums[i] = j ? _mm256_add_epi32(sums[i], product) : product;
        }
    }
    const V beyond = _mm256_subs_epu16(largest, slot->most);
    if (__builtin_expect(!_mm256_testz_si256(beyond, beyond), 0)) {
        s->wide = s->pause = s->pause < RARELY ? 2 * s->pause + 1 : RARELY;
        return dots_wide(s, x, slot);
    }
    s->pause = 0;
#define TWO(i) _mm256_hadd_epi32(sums[i], sums[(i) + 1])
    const V low = _mm256_hadd_epi32(TWO(0), TWO(2)), high = _mm256_hadd_epi32(TWO(4), TWO(6));
    const V sum = _mm256_add_epi32(_mm256_permute2x128_si256(low, high, 0x20), _mm256_permute2x128_si256(low, high, 0x31));
    return _mm256_srai_epi32(_mm256_add_epi32(sum, each((int32_t)(INT64_C(1) << E_SHIFT >> 1))), E_SHIFT);
}

/* Errors of the samples x ... x + 7. */
INLINE void read_eight(Samples *s, int x, const Slot *slot, int64_t *counters)
{
    const V exact_d = dots(s, x, slot), d = limited(exact_d, E_BITS);
    const V labels = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(s->labels + x)));
    const V exact = _mm256_sub_epi32(_mm256_slli_epi32(labels, E_FRACTION), d), e = limited(exact, E_BITS);
    const int count = s->n - x < 8 ? s->n - x : 8;
    const int clipped = (different(exact_d, d) | different(exact, e)) & ((1 << count) - 1);
    if (__builtin_expect(clipped, 0)) counters[SAT_E] += __builtin_popcount(clipped);
    _mm256_storeu_ps(s->errors + x, _mm256_cvtepi32_ps(e));
    const V zeros = _mm256_mullo_epi32(lowest_bits(e), each(slot->zeros_of_k));
    s->halves[x / 8] = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_slli_epi32(zeros, 32 - BETA_SHIFT)));
}

static __attribute__((noinline)) void update_slowly(const Samples *s, int x, const Slot *slot, int64_t *counters)
{
    update_plain(s->rows[x], s->errors[x], (const int32_t *)slot->k, counters);
}

/* With `half`, a product may lie half way. */
INLINE void update_one(const Samples *s, int x, const Slot *slot, int half, int64_t *counters)
{
    V *row = (V *)s->rows[x];
#if DOUBLE_VECTORS
    const G error = _mm512_set1_ps(s->errors[x]);
    W outside = _mm512_setzero_si512(), both[DOUBLES];
    UNROLL for (int j = 0; j < DOUBLES; j++) {
        const W held = _mm512_add_epi32(double_words(row + 2 * j), _mm512_set1_epi32(BETA_HOLD));
        const G step = _mm512_castsi512_ps(double_words(slot->k_of_beta + 2 * j));
        const W sum = _mm512_castps_si512(_mm512_fmadd_ps(error, step, _mm512_castsi512_ps(held)));
        outside = _mm512_or_si512(outside, sum);
        both[j] = _mm512_sub_epi32(sum, _mm512_set1_epi32(BETA_HOLD));
    }
    const int beyond = _mm512_test_epi32_mask(outside, _mm512_set1_epi32(OUTSIDE(BETA_BITS))) != 0;
    if (__builtin_expect(beyond | half, 0))
        update_slowly(s, x, slot, counters);
    else
        UNROLL for (int j = 0; j < DOUBLES; j++) _mm512_storeu_si512(row + 2 * j, both[j]);
    return;
#endif
    const F e = _mm256_set1_ps(s->errors[x]);
    V bad = _mm256_setzero_si256(), kept[VECTORS];
    UNROLL for (int j = 0; j < VECTORS; j++) {
        const F old = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_loadu_si256(row + j), each(BETA_HOLD)));
        const V sum = _mm256_castps_si256(_mm256_fmadd_ps(e, slot->k_of_beta[j], old));
        bad = _mm256_or_si256(bad, sum);
        kept[j] = _mm256_sub_epi32(sum, each(BETA_HOLD));
    }
    const int clipped = !_mm256_testz_si256(bad, each(OUTSIDE(BETA_BITS)));
    if (__builtin_expect(clipped | half, 0)) {
        update_slowly(s, x, slot, counters);
        return;
    }
    UNROLL for (int j = 0; j < VECTORS; j++) _mm256_storeu_si256(row + j, kept[j]);
}

/* Samples up to `end`, of the same eight as the first one. */
INLINE void update_some(const Samples *s, int first, int end, const Slot *slot, int64_t *counters)
{
    if (end > s->n) end = s->n;
    unsigned halves = s->halves[first / 8] >> first % 8;
    for (int x = first; x < end; x++, halves >>= 1) update_one(s, x, slot, halves & 1, counters);
}

/* Whether one of the samples x ... x + 7 of `now` is updated as an earlier one of the same eight of `old`. */
INLINE int meet_within(const Samples *now, const Samples *old, int x)
{
    const V updated = words(old->samples + x);
    V same = _mm256_setzero_si256();
    const V place = _mm256_set_epi32(8, 7, 6, 5, 4, 3, 2, 1);
    UNROLL for (int d = 1; d < 8; d++) {
        const V equal = _mm256_cmpeq_epi32(updated, words(now->samples + x + d));
        same = _mm256_or_si256(same, _mm256_and_si256(equal, _mm256_cmpgt_epi32(each(9 - d), place)));
    }
    return !_mm256_testz_si256(same, same);
}

/* All errors of a context. */
static void read_all(Samples *now, const Slot *slot, int64_t *counters)
{
    for (int x = 0; x < now->n; x += 8) read_eight(now, x, slot, counters);
}

static void update_all(const Samples *old, const Slot *slot, int64_t *counters)
{
    for (int x = 0; x < old->n; x += 8) update_some(old, x, x + 8, slot, counters);
}

/* Position by position, an error of one context and an update by the one before; the rows of the next one are asked for
 * meanwhile. */
static void read_and_update(Samples *now, const Slot *slot, const Samples *old, const Slot *before,
                            const Samples *next, int64_t *counters)
{
    const int n = now->n > old->n ? now->n : old->n;
    for (int x = 0; x < n; x += 8) {
        ask_for(next, x, x + 4);
        if (x < now->n && x < old->n && meet_within(now, old, x))
            for (int i = x; i < x + 8; i++) {
                if (i < now->n) read_one(now, i, slot, counters);
                update_some(old, i, i + 1, before, counters);
            }
        else {
            if (x < now->n) read_eight(now, x, slot, counters);
            ask_for(next, x + 4, x + 8);
            update_some(old, x, x + 8, before, counters);
        }
    }
}
