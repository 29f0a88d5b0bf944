/* Skip-gram with negative sampling as word2vec has it, in float32: pair after pair, learning rate constant.
 *
 * Compiled with -DDIM=D, a multiple of 16, and -DGROUP=samples of a pair (one positive, then negatives), at most 16.
 * The sigmoid is word2vec's: a table of 1000 entries over -6 ... 6, 0 and 1 outside.
 */
#include "vectors.h"

#define N (DIM / LANES)
#define TABLE 1000
#define RANGE 6.0f

INLINE V dot(const V *h, const V *row)
{
    V total = h[0] * row[0];
    for (int j = 1; j < N; j++) total += h[j] * row[j];
    return total;
}

/* in and out (rows, DIM), aligned to 64 bytes, are trained in place; a context is a centre and a multiple of GROUP
 * samples. samples is readable for 15 entries beyond the last context; what stands there names rows, too. */
void train(float *restrict in_, float *restrict out_, const float *restrict sigmoid, const int32_t *restrict centres,
           const int64_t *restrict indptr, const int32_t *restrict samples, int64_t n, float rate)
{
    V(*restrict in)[N] = (V(*)[N])in_;
    V(*restrict out)[N] = (V(*)[N])out_;
    for (int64_t c = 0; c < n; c++) {
        V h[N];
        memcpy(h, in[centres[c]], sizeof h);
        for (int64_t x = indptr[c]; x < indptr[c + 1]; x += GROUP) {
            const int32_t *s = samples + x;
#define DOT(i) dot(h, out[s[i]])
            float f[LANES] ALIGNED;
            const V dots = SUMS_16(DOT);
            memcpy(f, &dots, sizeof f);
            V gradient[N] = {0};
            for (int i = 0; i < GROUP; i++) {
                const float p = f[i] >= RANGE    ? 1
                                : f[i] <= -RANGE ? 0
                                                 : sigmoid[(int)((f[i] + RANGE) * (TABLE / RANGE / 2))];
                const float g = rate * ((i == 0) - p);
                V *row = out[s[i]];
                for (int j = 0; j < N; j++) {
                    gradient[j] += g * row[j];
                    row[j] += g * h[j];
                }
            }
            for (int j = 0; j < N; j++) h[j] += gradient[j];
        }
        memcpy(in[centres[c]], h, sizeof h);
    }
}
