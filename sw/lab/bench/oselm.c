/* The sequential skip-gram in float32, one context after another: all errors of a context before its updates.
 *
 * Compiled with -DDIM=D, a multiple of 16. What makes it fast:
 *   - one pass over P a context: each row gets the rank-one update of the context before and, times h[a], joins u;
 *     P is symmetric, so that no dot product over a row is needed;
 *   - the dot products of as many samples as a vector has lanes are reduced together;
 *   - P_ii is followed in a vector beside P, so that the inflation touches no single element of it.
 * Vectors have 16 floats where registers hold them, else 8, and no more of them are summed at a time than there are
 * registers: 8 sums beside what they are made of.
 */
#ifndef __AVX512F__
#define LANES 8
#endif
#include "vectors.h"

#define N (DIM / LANES)
#define WIDTH (N % 4 == 0 ? 4 : N % 2 == 0 ? 2 : 1) /* vectors of a row at a time */
#define ROWS (WIDTH > 2 ? 2 : 4)                     /* rows with sums of their own */
#define MAX_SAMPLES 128
#define KEEP 1024 /* contexts whose inflation is collected beside P before it is added to P */

INLINE V dot(const V *h, const V *row)
{
    V total = h[0] * row[0];
    for (int j = 1; j < N; j++) total += h[j] * row[j];
    return total;
}

/* beta (rows, DIM) and P (DIM, DIM), aligned to 64 bytes, are trained in place. samples and labels are readable for 15
 * entries beyond the last context; what stands there names rows of beta, too. */
void train(float *restrict beta_, float *restrict p_, const int32_t *restrict centres, const int64_t *restrict indptr,
           const int32_t *restrict samples, const uint8_t *restrict labels, int64_t n, float mu, float q, float p0)
{
    V(*restrict beta)[N] = (V(*)[N])beta_;
    V(*restrict P)[N] = (V(*)[N])p_;
    V u[N] = {0}, extra[N] = {0}, diagonal[N];
    float k[DIM] ALIGNED = {0}, h[DIM] ALIGNED, e[MAX_SAMPLES] ALIGNED;
    for (int a = 0; a < DIM; a++) ((float *)diagonal)[a] = p_[a * DIM + a];

    for (int64_t c = 0; c < n; c++) {
        const int32_t *s = samples + indptr[c];
        const uint8_t *t = labels + indptr[c];
        const int m = indptr[c + 1] - indptr[c];

        V hv[N], hu = {0};
        for (int j = 0; j < N; j++) hv[j] = mu * beta[centres[c]][j];
        memcpy(h, hv, sizeof h);
        for (int first = 0; first < N; first += WIDTH) {
            V total[ROWS][WIDTH] = {0};
            for (int a = 0; a < DIM; a += ROWS)
                for (int r = 0; r < ROWS; r++)
                    for (int j = 0; j < WIDTH; j++) {
                        const V row = P[a + r][first + j] - k[a + r] * u[first + j];
                        P[a + r][first + j] = row;
                        total[r][j] += h[a + r] * row;
                    }
            for (int j = 0; j < WIDTH; j++) {
                V sums = extra[first + j] * hv[first + j];
                for (int r = 0; r < ROWS; r++) sums += total[r][j];
                u[first + j] = sums;
                hu += sums * hv[first + j];
            }
        }

        const float g = 1.0f / (1.0f + sum(hu));
        V kv[N];
        for (int j = 0; j < N; j++) {
            kv[j] = g * u[j];
            const V grow = (V)((diagonal[j] < p0) & (I)(q + (V){0}));
            diagonal[j] += grow - kv[j] * u[j];
            extra[j] += grow;
        }
        memcpy(k, kv, sizeof k);

        for (int x = 0; x < m; x += LANES) {
#define DOT(i) dot(hv, beta[s[x + (i)]])
            const V error = __builtin_convertvector(*(const B *)(t + x), V) - SUMS(DOT);
            memcpy(e + x, &error, sizeof error);
        }
        for (int x = 0; x < m; x++)
            for (int j = 0; j < N; j++) beta[s[x]][j] += e[x] * kv[j];

        if (c % KEEP == KEEP - 1 || c == n - 1) {
            for (int a = 0; a < DIM; a++) p_[a * DIM + a] += ((float *)extra)[a];
            memset(extra, 0, sizeof extra);
        }
    }
    for (int a = 0; a < DIM; a++)
        for (int j = 0; j < N; j++) P[a][j] -= k[a] * u[j];
}
