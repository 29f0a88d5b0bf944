/* The formula of the sequential skip-gram as it is written down, in float32: what a compiler makes of loops.
 * Compiled with -DDIM=D. */
#include <stdint.h>

#define MAX_SAMPLES 128

void train(float *restrict beta, float *restrict p, const int32_t *restrict centres, const int64_t *restrict indptr,
           const int32_t *restrict samples, const uint8_t *restrict labels, int64_t n, float mu, float q, float p0)
{
    for (int64_t c = 0; c < n; c++) {
        const int32_t *s = samples + indptr[c];
        const int m = indptr[c + 1] - indptr[c];
        float h[DIM], u[DIM], k[DIM], e[MAX_SAMPLES], hu = 0;
        for (int a = 0; a < DIM; a++) h[a] = mu * beta[centres[c] * DIM + a];
        for (int a = 0; a < DIM; a++) {
            u[a] = 0;
            for (int b = 0; b < DIM; b++) u[a] += p[a * DIM + b] * h[b];
            hu += h[a] * u[a];
        }
        for (int a = 0; a < DIM; a++) k[a] = u[a] / (1 + hu);
        for (int a = 0; a < DIM; a++) {
            const float grow = p[a * DIM + a] < p0 ? q : 0;
            for (int b = 0; b < DIM; b++) p[a * DIM + b] -= k[a] * u[b];
            p[a * DIM + a] += grow;
        }
        for (int x = 0; x < m; x++) {
            float dot = 0;
            for (int a = 0; a < DIM; a++) dot += h[a] * beta[s[x] * DIM + a];
            e[x] = labels[indptr[c] + x] - dot;
        }
        for (int x = 0; x < m; x++)
            for (int a = 0; a < DIM; a++) beta[s[x] * DIM + a] += e[x] * k[a];
    }
}
