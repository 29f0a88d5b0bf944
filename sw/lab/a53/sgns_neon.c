/* The skip-gram with negative sampling of bench/sgns.c in NEON, for a core that issues in order: the Cortex-A53.
 *
 * Compiled with -DDIM=D, a multiple of 16, and -DGROUP=samples of a pair, at most 12; with -fno-schedule-insns. The same
 * steps as in sgns.c; what is other:
 *   - registers hold 4 floats; at D = 32 the centre, its gradient and a row are in them at a time;
 *   - twelve dot products are summed side by side, so that none waits for itself;
 *   - places in the table of the sigmoid are found four at a time.
 */
#include <arm_neon.h>
#include <stdint.h>

#define N (DIM / 4)
#define FOURS 3
#define AT_ONCE (4 * FOURS)
#define TABLE 1000
#define RANGE 6.0f

#define INLINE static inline __attribute__((always_inline))
#define EACH(x, n) for (int x = 0; x < (n); x++)

typedef float32x4_t V;

INLINE float *row_of(float *rows, int64_t i) { return rows + i * DIM; }

/* The sums over the lanes of four vectors. */
INLINE V sums(const V *v) { return vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3])); }

/* p = sigmoid(f) for all samples of a pair, step by step: what a vector waits for, the two others fill. */
INLINE void sigmoids(V p[FOURS], const V f[FOURS], const float *table)
{
    const V range = vdupq_n_f32(RANGE);
    const int32x4_t most = vdupq_n_s32(TABLE - 1), least = vdupq_n_s32(0);
    int32_t at[AT_ONCE] __attribute__((aligned(16)));
    int32x4_t place[FOURS];
    EACH(y, FOURS) p[y] = vmulq_n_f32(vaddq_f32(f[y], range), TABLE / RANGE / 2);
    EACH(y, FOURS) place[y] = vmaxq_s32(vminq_s32(vcvtq_s32_f32(p[y]), most), least);
    EACH(y, FOURS) vst1q_s32(at + 4 * y, place[y]);
    EACH(y, FOURS) p[y] = vld1q_dup_f32(table + at[4 * y]);
    EACH(y, FOURS) p[y] = vld1q_lane_f32(table + at[4 * y + 1], p[y], 1);
    EACH(y, FOURS) p[y] = vld1q_lane_f32(table + at[4 * y + 2], p[y], 2);
    EACH(y, FOURS) p[y] = vld1q_lane_f32(table + at[4 * y + 3], p[y], 3);
    EACH(y, FOURS) p[y] = vbslq_f32(vcgeq_f32(f[y], range), vdupq_n_f32(1), p[y]);
    EACH(y, FOURS) p[y] = vbslq_f32(vcleq_f32(f[y], vnegq_f32(range)), vdupq_n_f32(0), p[y]);
}

/* in and out (rows, DIM), aligned to 16 bytes, are trained in place; a context is a centre and a multiple of GROUP
 * samples. samples is readable for 11 entries beyond the last context; what stands there names rows, too. */
void train(float *restrict in, float *restrict out, const float *restrict sigmoid, const int32_t *restrict centres,
           const int64_t *restrict indptr, const int32_t *restrict samples, int64_t n, float rate)
{
    const V positive = {1, 0, 0, 0};
    for (int64_t c = 0; c < n; c++) {
        float *const centre = row_of(in, centres[c]);
        V h[N];
        EACH(j, N) h[j] = vld1q_f32(centre + 4 * j);
#pragma GCC unroll 1
        for (int64_t x = indptr[c]; x < indptr[c + 1]; x += GROUP) {
            const int32_t *s = samples + x;
            const float *b[AT_ONCE];
            V sum[AT_ONCE], gradient[N];
            EACH(y, AT_ONCE) b[y] = row_of(out, s[y]);
            V row[2][4];
            EACH(y, 4) row[0][y] = vld1q_f32(b[y]);
#pragma GCC unroll 32
            for (int step = 0; step < 3 * N; step++) { /* four rows, a vector of each; those of the next are on their way */
                const int j = step / 3, four = step % 3 * 4, then = step + 1;
                EACH(y, 4) {
                    if (then < 3 * N) row[then % 2][y] = vld1q_f32(b[then % 3 * 4 + y] + then / 3 * 4);
                    const V taken = row[step % 2][y];
                    sum[four + y] = j ? vfmaq_f32(sum[four + y], h[j], taken) : vmulq_f32(h[j], taken);
                }
            }
            float g[AT_ONCE] __attribute__((aligned(16)));
            V f[FOURS], p[FOURS];
            EACH(y, FOURS) f[y] = sums(sum + 4 * y);
            sigmoids(p, f, sigmoid);
            EACH(y, FOURS) p[y] = vmulq_n_f32(vsubq_f32(y ? vdupq_n_f32(0) : positive, p[y]), rate);
            EACH(y, FOURS) vst1q_f32(g + 4 * y, p[y]);
            EACH(j, N) gradient[j] = vdupq_n_f32(0);
#pragma GCC unroll 1
            for (int i = 0; i < GROUP; i++) {
                float *const r = row_of(out, s[i]);
                const V by = vld1q_dup_f32(g + i);
                V next[N], row[N];
                EACH(j, N) row[j] = vld1q_f32(r + 4 * j);
                EACH(j, N) next[j] = vfmaq_f32(row[j], h[j], by);
                EACH(j, N) gradient[j] = vfmaq_f32(gradient[j], row[j], by);
                EACH(j, N) vst1q_f32(r + 4 * j, next[j]);
            }
            EACH(j, N) h[j] = vaddq_f32(h[j], gradient[j]);
        }
        EACH(j, N) vst1q_f32(centre + 4 * j, h[j]);
    }
}
