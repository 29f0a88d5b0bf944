/* Skip2-LoRA and LoRA-All on a network of three dense layers with ReLU between them, in float32, by mini-batches.
 *
 * Compiled with -DN0=, -DN1=, -DN2= (inputs of the layers, multiples of 16) and -DM= (classes, at most 16). Rank 4,
 * mini-batches of 20 samples, of which 4 are handled together: a row of a weight matrix is read once for the four, and
 * 4 samples of 4 columns make the 16 dot products that are reduced at a time. A_k and B_k are stored as 4 rows each.
 * Outputs, their gradients and rows of B are vectors of 16, of which M count.
 */
#include "vectors.h"

#define R 4
#define GROUP 4
#define BATCH 20
#define V0 (N0 / LANES)
#define V1 (N1 / LANES)
#define V2 (N2 / LANES)
#define WIDEST (V1 > V2 ? V1 : V2)
#define V_OF(x) ((x) + (V){0})

/* exp of x <= 0: 2^i times a polynomial on [-1/2, 1/2]; relative error below 1e-6. */
INLINE V exponential(V x)
{
    const V t = larger(x, V_OF(-80)) * 1.44269504f;
    const V whole = t + 12582912.0f - 12582912.0f; /* 1.5 * 2^23: rounds */
    const V f = (t - whole) * 0.69314718f;
    const V p = 1 + f * (1 + f * (0.5f + f * (1.6666667e-1f + f * (4.1666668e-2f + f * (8.3333e-3f + f * 1.3889e-3f)))));
    return (V)((I)p + (__builtin_convertvector(whole, I) << 23));
}

/* rate * (softmax(y) - onehot(label)); lanes from M on are 0. */
INLINE V gradient(V y, int label, float rate)
{
    const I lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const V inside = select(lane < M, y, V_OF(-1e30f));
    const V p = select(lane < M, exponential(inside - largest(inside)), V_OF(0));
    return rate * (p / sum(p) - select(lane == label, V_OF(1), V_OF(0)));
}

INLINE V dot(const V *a, const V *b, int n)
{
    V total = a[0] * b[0];
    for (int j = 1; j < n; j++) total += a[j] * b[j];
    return total;
}

/* z[sample][row] = x[sample] . a[row], for vectors of n */
INLINE void columns(float (*z)[R], const V *const x[GROUP], const V *a, int n)
{
#define PAIR(i) dot(x[(i) / R], a + (i) % R * n, n)
    const V all = SUMS_16(PAIR);
#undef PAIR
    memcpy(z, &all, sizeof all);
}

/* u[sample] = bias + x[sample] W for W of n rows of o vectors; bias may be null */
INLINE void dense(V *const u[GROUP], const float *const x[GROUP], const V *w, const V *bias, int n, int o)
{
    V t[GROUP][WIDEST];
    for (int s = 0; s < GROUP; s++)
        for (int j = 0; j < o; j++) t[s][j] = bias ? bias[j] : V_OF(0);
    for (int i = 0; i < n; i++)
        for (int s = 0; s < GROUP; s++)
            for (int j = 0; j < o; j++) t[s][j] += x[s][i] * w[i * o + j];
    for (int s = 0; s < GROUP; s++) memcpy(u[s], t[s], o * sizeof(V));
}

/* u[sample] += z[sample] a, for 4 rows of n vectors */
INLINE void expand(V *const u[GROUP], float (*z)[R], const V *a, int n)
{
    for (int s = 0; s < GROUP; s++)
        for (int j = 0; j < n; j++)
            for (int q = 0; q < R; q++) u[s][j] += z[s][q] * a[q * n + j];
}

/* a[row] -= sum over samples of coefficient[sample][row] x[sample] */
INLINE void update(V *a, float (*coefficient)[R], const V *const *x, int samples, int n)
{
    for (int j = 0; j < n; j++) {
        V r0 = a[j], r1 = a[n + j], r2 = a[2 * n + j], r3 = a[3 * n + j];
        for (int s = 0; s < samples; s++) {
            const V v = x[s][j];
            const float *c = coefficient[s];
            r0 -= c[0] * v, r1 -= c[1] * v, r2 -= c[2] * v, r3 -= c[3] * v;
        }
        a[j] = r0, a[n + j] = r1, a[2 * n + j] = r2, a[3 * n + j] = r3;
    }
}

INLINE void relu(V *u, int n)
{
    for (int j = 0; j < n; j++) u[j] = larger(u[j], V_OF(0));
}

/* g where h > 0 */
INLINE void masked(V *g, const V *h, int n)
{
    for (int j = 0; j < n; j++) g[j] = select(h[j] > 0, g[j], V_OF(0));
}

#define FLOATS(v) ((const float *)(v))
#define FOUR(p) {FLOATS((p)[0]), FLOATS((p)[1]), FLOATS((p)[2]), FLOATS((p)[3])}

/* What stands beyond the last sample of a mini-batch repeats it and is left out of every update. */

/* Skip2-LoRA. x0 (n, N0) holds the samples; x1, x2 and c (n, 16) are the Skip-Cache, known (n,) its directory. With
 * use_cache 0 every sample goes through the network each time. order (count,) is trained, a mini-batch's gradient being
 * the mean over it. */
void skip(const V *x0, V *x1, V *x2, V *c, uint8_t *known, const V *const w[3], const V *const b[3], V *const a[3],
          V *const d[3], const int32_t *labels, const int32_t *order, int64_t count, float rate, int use_cache)
{
    for (int64_t start = 0; start < count; start += BATCH) {
        const int m = count - start < BATCH ? count - start : BATCH;
        float z[3][BATCH][R] ALIGNED, gz[3][BATCH][R] ALIGNED;
        V g[BATCH];
        const V *x[3][BATCH], *grad[BATCH];
        for (int first = 0; first < m; first += GROUP) {
            int32_t id[GROUP];
            int all = use_cache;
            for (int s = 0; s < GROUP; s++) {
                id[s] = order[start + (first + s < m ? first + s : m - 1)];
                all &= known[id[s]];
                x[0][first + s] = x0 + id[s] * V0;
                x[1][first + s] = x1 + id[s] * V1;
                x[2][first + s] = x2 + id[s] * V2;
                grad[first + s] = g + first + s;
            }
            if (!all) {
                V *const u1[] = {x1 + id[0] * V1, x1 + id[1] * V1, x1 + id[2] * V1, x1 + id[3] * V1};
                V *const u2[] = {x2 + id[0] * V2, x2 + id[1] * V2, x2 + id[2] * V2, x2 + id[3] * V2};
                V *const u3[] = {c + id[0], c + id[1], c + id[2], c + id[3]};
                const float *const i0[] = FOUR(x[0] + first), *const i1[] = FOUR(u1), *const i2[] = FOUR(u2);
                dense(u1, i0, w[0], b[0], N0, V1);
                for (int s = 0; s < GROUP; s++) relu(u1[s], V1);
                dense(u2, i1, w[1], b[1], N1, V2);
                for (int s = 0; s < GROUP; s++) relu(u2[s], V2);
                dense(u3, i2, w[2], b[2], N2, 1);
                for (int s = 0; s < GROUP; s++) known[id[s]] = 1;
            }
            columns(z[0] + first, x[0] + first, a[0], V0);
            columns(z[1] + first, x[1] + first, a[1], V1);
            columns(z[2] + first, x[2] + first, a[2], V2);
            for (int s = 0; s < GROUP; s++) {
                V y = c[id[s]];
                for (int k = 0; k < 3; k++)
                    for (int q = 0; q < R; q++) y += z[k][first + s][q] * d[k][q];
                g[first + s] = gradient(y, labels[id[s]], rate / m);
            }
            for (int k = 0; k < 3; k++) columns(gz[k] + first, grad + first, d[k], 1);
        }
        for (int k = 0; k < 3; k++) update(d[k], z[k], grad, m, 1);
        update(a[0], gz[0], x[0], m, V0);
        update(a[1], gz[1], x[1], m, V1);
        update(a[2], gz[2], x[2], m, V2);
    }
}

/* LoRA-All: an adapter at each layer, B_k of 4 rows as long as the layer's outputs. wt are the transposed weights of
 * the layers 1 and 2 (wt[2] of M rows). */
void lora_all(const V *x0, const V *const w[3], const V *const wt[3], const V *const b[3], V *const a[3], V *const d[3],
              const int32_t *labels, const int32_t *order, int64_t count, float rate)
{
    static V h1[BATCH][V1], h2[BATCH][V2], g1[BATCH][V1], g2[BATCH][V2], g3[BATCH];
    const V *h1s[BATCH], *h2s[BATCH], *g1s[BATCH], *g2s[BATCH], *g3s[BATCH], *x[BATCH];
    for (int s = 0; s < BATCH; s++) h1s[s] = h1[s], h2s[s] = h2[s], g1s[s] = g1[s], g2s[s] = g2[s], g3s[s] = g3 + s;
    for (int64_t start = 0; start < count; start += BATCH) {
        const int m = count - start < BATCH ? count - start : BATCH;
        float z[3][BATCH][R] ALIGNED, gz[3][BATCH][R] ALIGNED;
        for (int f = 0; f < m; f += GROUP) {
            int32_t id[GROUP];
            for (int s = 0; s < GROUP; s++) {
                id[s] = order[start + (f + s < m ? f + s : m - 1)];
                x[f + s] = x0 + id[s] * V0;
            }
            V y[GROUP];
            V *const u1[] = {h1[f], h1[f + 1], h1[f + 2], h1[f + 3]}, *const u2[] = {h2[f], h2[f + 1], h2[f + 2], h2[f + 3]};
            V *const u3[] = {y, y + 1, y + 2, y + 3};
            V *const v1[] = {g1[f], g1[f + 1], g1[f + 2], g1[f + 3]}, *const v2[] = {g2[f], g2[f + 1], g2[f + 2], g2[f + 3]};
            const float *const i0[] = FOUR(x + f), *const i1[] = FOUR(u1), *const i2[] = FOUR(u2);
            const float *const j2[] = FOUR(v2), *const j3[] = FOUR(g3s + f);

            columns(z[0] + f, x + f, a[0], V0);
            dense(u1, i0, w[0], b[0], N0, V1);
            expand(u1, z[0] + f, d[0], V1);
            for (int s = 0; s < GROUP; s++) relu(u1[s], V1);
            columns(z[1] + f, h1s + f, a[1], V1);
            dense(u2, i1, w[1], b[1], N1, V2);
            expand(u2, z[1] + f, d[1], V2);
            for (int s = 0; s < GROUP; s++) relu(u2[s], V2);
            columns(z[2] + f, h2s + f, a[2], V2);
            dense(u3, i2, w[2], b[2], N2, 1);
            expand(u3, z[2] + f, d[2], 1);
            for (int s = 0; s < GROUP; s++) g3[f + s] = gradient(y[s], labels[id[s]], rate / m);

            columns(gz[2] + f, g3s + f, d[2], 1);
            dense(v2, j3, wt[2], 0, M, V2);
            expand(v2, gz[2] + f, a[2], V2);
            for (int s = 0; s < GROUP; s++) masked(v2[s], h2s[f + s], V2);
            columns(gz[1] + f, g2s + f, d[1], V2);
            dense(v1, j2, wt[1], 0, N2, V1);
            expand(v1, gz[1] + f, a[1], V1);
            for (int s = 0; s < GROUP; s++) masked(v1[s], h1s[f + s], V1);
            columns(gz[0] + f, g1s + f, d[0], V1);
        }
        update(d[2], z[2], g3s, m, 1);
        update(a[2], gz[2], h2s, m, V2);
        update(d[1], z[1], g2s, m, V2);
        update(a[1], gz[1], h1s, m, V1);
        update(d[0], z[0], g1s, m, V1);
        update(a[0], gz[0], x, m, V0);
    }
}
