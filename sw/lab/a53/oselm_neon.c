/* The sequential skip-gram of bench/oselm.c in NEON, for a core that issues in order: the Cortex-A53.
 *
 * Compiled with -DDIM=D, a multiple of 16, and with -fno-schedule-insns: GCC would load so much ahead that registers
 * are spilled. The same steps as in oselm.c; what is other:
 *   - registers hold 4 floats, and no more are alive than the 32 that there are: a spill costs as much as a row;
 *   - loads stand before what needs them and stores behind what made them by as much as those registers allow;
 *   - sums that wait for each other are kept apart, eight or more at a time: a product takes several cycles, and nothing
 *     overtakes it;
 *   - two rows are updated at a time, unless they are the same.
 */
#include <arm_neon.h>
#include <stdint.h>

#define N (DIM / 4)
#define MAX_SAMPLES 128
#define KEEP 1024 /* contexts whose inflation is collected beside P before it is added to P */
#define AT_ONCE 8 /* samples whose dot products are made together */

#define INLINE static inline __attribute__((always_inline))
#define EACH(x, n) for (int x = 0; x < (n); x++)

typedef float32x4_t V;

/* Row i of beta: 64 bits from the start, so that the multiplication becomes part of an address. */
INLINE float *row_of(float *beta, int64_t i) { return beta + i * DIM; }

/* The sums over the lanes of four vectors. */
INLINE V sums(V a, V b, V c, V d) { return vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d)); }

/* Four rows of P, four vectors of each, get the update of the context before, and join the sums of even and of odd rows.
 * `row` points to the first of the vectors; k and h are of the four rows, u of the columns. */
INLINE void four_rows(float *row, const V *u, V k, V h, V even[4], V odd[4])
{
    V r[4][4];
    EACH(j, 4) r[0][j] = vld1q_f32(row + 4 * j);
    EACH(j, 4) r[1][j] = vld1q_f32(row + DIM + 4 * j), r[0][j] = vfmsq_laneq_f32(r[0][j], u[j], k, 0);
    EACH(j, 4) r[2][j] = vld1q_f32(row + 2 * DIM + 4 * j), r[1][j] = vfmsq_laneq_f32(r[1][j], u[j], k, 1);
    EACH(j, 4) r[3][j] = vld1q_f32(row + 3 * DIM + 4 * j), r[2][j] = vfmsq_laneq_f32(r[2][j], u[j], k, 2);
    EACH(j, 4) vst1q_f32(row + 4 * j, r[0][j]), r[3][j] = vfmsq_laneq_f32(r[3][j], u[j], k, 3);
    EACH(j, 4) vst1q_f32(row + DIM + 4 * j, r[1][j]), even[j] = vfmaq_laneq_f32(even[j], r[0][j], h, 0);
    EACH(j, 4) vst1q_f32(row + 2 * DIM + 4 * j, r[2][j]), odd[j] = vfmaq_laneq_f32(odd[j], r[1][j], h, 1);
    EACH(j, 4) even[j] = vfmaq_laneq_f32(even[j], r[2][j], h, 2);
    EACH(j, 4) vst1q_f32(row + 3 * DIM + 4 * j, r[3][j]), odd[j] = vfmaq_laneq_f32(odd[j], r[3][j], h, 3);
}

/* beta (rows, DIM) and P (DIM, DIM), aligned to 16 bytes, are trained in place. samples and labels are readable for 7
 * entries beyond the last context; what stands there names rows of beta, too. */
void train(float *restrict beta, float *restrict P, const int32_t *restrict centres, const int64_t *restrict indptr,
           const int32_t *restrict samples, const uint8_t *restrict labels, int64_t n, float mu, float q, float p0)
{
    const uint32x4_t inflation = vreinterpretq_u32_f32(vdupq_n_f32(q));
    V u[N], k[N], h[N], extra[N], diagonal[N];
    EACH(j, N) {
        extra[j] = k[j] = u[j] = vdupq_n_f32(0);
        EACH(a, 4) diagonal[j][a] = P[(4 * j + a) * (DIM + 1)];
    }

    for (int64_t c = 0; c < n; c++) {
        const int32_t *s = samples + indptr[c];
        const uint8_t *t = labels + indptr[c];
        const int m = indptr[c + 1] - indptr[c];
        EACH(j, N) h[j] = vmulq_n_f32(vld1q_f32(row_of(beta, centres[c]) + 4 * j), mu);

        V hu = vdupq_n_f32(0);
        for (int first = 0; first < N; first += 4) {
            V before[4], even[4], odd[4];
            EACH(j, 4) before[j] = u[first + j], even[j] = vmulq_f32(extra[first + j], h[first + j]);
            EACH(j, 4) odd[j] = vdupq_n_f32(0);
            float *row = P + 4 * first;
#pragma GCC unroll 1
            for (int a = 0; a < N; a++, row += 4 * DIM) four_rows(row, before, k[a], h[a], even, odd);
            EACH(j, 4) u[first + j] = vaddq_f32(even[j], odd[j]);
            EACH(j, 4) hu = vfmaq_f32(hu, u[first + j], h[first + j]);
        }

        const float g = 1.0f / (1.0f + vaddvq_f32(hu));
        V grow[N];
        EACH(j, N) k[j] = vmulq_n_f32(u[j], g);
        EACH(j, N) grow[j] = vreinterpretq_f32_u32(vandq_u32(vcltq_f32(diagonal[j], vdupq_n_f32(p0)), inflation));
        EACH(j, N) extra[j] = vaddq_f32(extra[j], grow[j]);
        EACH(j, N) grow[j] = vfmsq_f32(grow[j], k[j], u[j]);
        EACH(j, N) diagonal[j] = vaddq_f32(diagonal[j], grow[j]);

        float e[MAX_SAMPLES] __attribute__((aligned(16)));
#pragma GCC unroll 1
        for (int x = 0; x < m; x += AT_ONCE) {
            const float *b[AT_ONCE];
            V sum[2][AT_ONCE], low[4], high[4];
            EACH(y, AT_ONCE) b[y] = row_of(beta, s[x + y]);
            EACH(y, 4) low[y] = vld1q_f32(b[y]);
#pragma GCC unroll 32
            for (int j = 0; j < N; j++) {
                V *const into = sum[j % 2];
                EACH(y, 4) {
                    high[y] = vld1q_f32(b[4 + y] + 4 * j);
                    into[y] = j < 2 ? vmulq_f32(h[j], low[y]) : vfmaq_f32(into[y], h[j], low[y]);
                }
                EACH(y, 4) {
                    if (j < N - 1) low[y] = vld1q_f32(b[y] + 4 * j + 4);
                    into[4 + y] = j < 2 ? vmulq_f32(h[j], high[y]) : vfmaq_f32(into[4 + y], h[j], high[y]);
                }
            }
            EACH(y, AT_ONCE) sum[0][y] = vaddq_f32(sum[0][y], sum[1][y]);
            const uint16x8_t wide = vmovl_u8(vld1_u8(t + x));
            const V first = vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide)));
            const V second = vcvtq_f32_u32(vmovl_u16(vget_high_u16(wide)));
            vst1q_f32(e + x, vsubq_f32(first, sums(sum[0][0], sum[0][1], sum[0][2], sum[0][3])));
            vst1q_f32(e + x + 4, vsubq_f32(second, sums(sum[0][4], sum[0][5], sum[0][6], sum[0][7])));
        }

#pragma GCC unroll 1
        for (int x = 0; x < m;) {
            float *const b = row_of(beta, s[x]), *const d = row_of(beta, s[x + 1]);
            const V eb = vdupq_n_f32(e[x]), ed = vdupq_n_f32(e[x + 1]);
            const int both = x + 1 < m && b != d;
            for (int first = 0; first < N; first += 8) {
                const int last = N - first < 8 ? N - first : 8;
                V v[8], w[8];
                if (both) {
                    EACH(j, last) v[j] = vld1q_f32(b + 4 * (first + j));
                    EACH(j, last) {
                        w[j] = vld1q_f32(d + 4 * (first + j));
                        v[j] = vfmaq_f32(v[j], k[first + j], eb);
                    }
                    EACH(j, last) {
                        w[j] = vfmaq_f32(w[j], k[first + j], ed);
                        vst1q_f32(b + 4 * (first + j), v[j]);
                    }
                    EACH(j, last) vst1q_f32(d + 4 * (first + j), w[j]);
                } else {
                    EACH(j, last) v[j] = vld1q_f32(b + 4 * (first + j));
                    EACH(j, last) v[j] = vfmaq_f32(v[j], k[first + j], eb);
                    EACH(j, last) vst1q_f32(b + 4 * (first + j), v[j]);
                }
            }
            x += 1 + both;
        }

        if (c % KEEP == KEEP - 1 || c == n - 1)
            EACH(j, N) {
                EACH(a, 4) P[(4 * j + a) * (DIM + 1)] += extra[j][a];
                extra[j] = vdupq_n_f32(0);
            }
    }
    EACH(a, DIM)
        EACH(j, N) vst1q_f32(P + a * DIM + 4 * j, vfmsq_n_f32(vld1q_f32(P + a * DIM + 4 * j), u[j], k[a / 4][a % 4]));
}
