/* The golden model's training loop: the same bits and counters as skipwalk.sim.oselm.golden, which defines it.
 *
 * Compiled once for a configuration's arithmetic, with a macro for each number of it (skipwalk.sim.oselm.kernel): DIM,
 * LANES, CONSTANT (1: p0 stands for P), AHEAD (the lookahead, or -1: the sequential schedule), the _BITS and _FRACTION of
 * formats, the bits that are dropped between them (_DROP, _SHIFT), and the widths of the reciprocal's table.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define MAX_SAMPLES 128

enum { SAT_BETA, SAT_P, SAT_K, SAT_E, SAT_U, SAT_HU };

/* Lines of the reciprocal. */
typedef struct {
    const int64_t *value, *slope;
} Table;

/* Whether a product of numbers of a and b bits that is shifted has, for sure, at most so many bits. */
#define FITS(a, b, shift, bits) ((((INT64_C(1) << ((a) + (b)-2)) + ((INT64_C(1) << (shift)) >> 1)) >> (shift)) <= MAX(bits))
#define SUM_FITS(a, b, shift) ((shift) <= 32 && (a) + (b) + 6 - (shift) <= 31)
#define NARROW (BETA_BITS <= 18 && P_BITS <= 18 && K_BITS <= 18 && E_BITS <= 18 && U_BITS <= 18 && GAIN_BITS < 18)
#define WHOLE (DIM % 8 == 0 && BETA_DROP == 0 && P_DROP == 0 && E_FRACTION < 30)
#define SHIFTED (BETA_SHIFT >= 1 && BETA_SHIFT <= 32 && P_SHIFT >= 1 && P_SHIFT <= 48)
#define VECTORS_DO                                                                                                     \
    (NARROW && WHOLE && SHIFTED && FITS(E_BITS, K_BITS, BETA_SHIFT, BETA_BITS) &&                                      \
     FITS(U_BITS, K_BITS, P_SHIFT, P_BITS) && SUM_FITS(BETA_BITS, BETA_BITS, E_SHIFT) &&                               \
     SUM_FITS(P_BITS, BETA_BITS, U_SHIFT) &&                                                                           \
     (CONSTANT ? SUM_FITS(P_VIEW_BITS, BETA_BITS, K_SHIFT) : SUM_FITS(GAIN_BITS, U_BITS, K_SHIFT)))

#define MIN(bits) (-(INT64_C(1) << ((bits)-1)))
#define MAX(bits) ((INT64_C(1) << ((bits)-1)) - 1)

static inline int32_t *row_of(int32_t *beta, int32_t number) { return beta + (int64_t)number * DIM; }

#if defined(__AVX2__) && defined(__FMA__) && VECTORS_DO && !defined(PLAIN)
typedef int32_t Gain;
#include "kernel_plain.h"
#include "kernel_vectors.h"
#else
typedef int64_t Gain;
#include "kernel_plain.h"
#include "kernel_any.h"
#endif

#define SLOTS (AHEAD < 0 ? 2 : AHEAD + 2)

typedef struct {
    Slot slots[SLOTS];
    Matrix p;
    Samples samples[3];
} Work;

/* The sweep with the update by a context (or none), then the gain of the next one (or none). */
INLINE void sweep_and_gain(Work *w, const Slot *before, Slot *next, int64_t q, int64_t p0, const Table *table,
                           int64_t *counters)
{
    if (!CONSTANT) sweep(&w->p, before, next, q, p0, counters);
    if (next) gain(next, p0, table, counters);
}

typedef struct {
    const int32_t *centres, *samples;
    const int64_t *indptr;
    const uint8_t *labels;
    int64_t n;
} Contexts;

/* The samples of a context, from when it is near; there are three at a time. */
static Samples *near(Work *w, int32_t *beta, const Contexts *c, int64_t number)
{
    Samples *s = &w->samples[number % 3];
    const int64_t begin = c->indptr[number < c->n ? number : c->n], end = c->indptr[number < c->n ? number + 1 : c->n];
    fetch(s, beta, c->samples + begin, c->labels + begin, (int)(end - begin), c->indptr[c->n] - begin);
    return s;
}

/* Every context sees all that came before it. */
static void sequential(int32_t *beta, Work *w, const Contexts *c, int64_t q, int64_t p0, const Table *table,
                       int64_t *counters)
{
    Slot *before = 0;
    Samples *next = near(w, beta, c, 0);
    for (int64_t i = 0; i < c->n; i++) {
        Slot *slot = &w->slots[i & 1];
        Samples *now = next;
        next = near(w, beta, c, i + 1);
        ask_for(next, 0, next->n);
        load(slot, row_of(beta, c->centres[i]));
        sweep_and_gain(w, before, slot, q, p0, table, counters);
        read_all(now, slot, counters);
        update_all(now, slot, counters);
        before = slot;
    }
    sweep_and_gain(w, before, 0, q, p0, table, counters);
}

/* Slot s: the centre of context s + AHEAD, then position by position a sample of s read and one of s - 1 updated, then
 * the sweep for s + AHEAD with the update by s - 1. */
static void streaming(int32_t *beta, Work *w, const Contexts *c, int64_t q, int64_t p0, const Table *table,
                      int64_t *counters)
{
    Samples *before = 0, *now = 0, *next = 0;
    for (int64_t s = -AHEAD; s <= c->n; s++) {
        const int64_t ahead = s + AHEAD, last = s - 1;
        Slot *new = ahead < c->n ? &w->slots[ahead % SLOTS] : 0;
        Slot *old = last >= 0 ? &w->slots[last % SLOTS] : 0;
        if (new) load(new, row_of(beta, c->centres[ahead]));
        if (s >= -1) {
            before = now, now = next, next = near(w, beta, c, s + 1);
            if (now && before)
                read_and_update(now, &w->slots[s % SLOTS], before, old, next, counters);
            else if (now)
                read_all(now, &w->slots[s % SLOTS], counters);
        }
        sweep_and_gain(w, old, new, q, p0, table, counters);
    }
}

/* Train on a segment of n contexts, at least one; beta (rows, DIM) and p (DIM, DIM) are changed, counters (6,) added
 * to. Returns 0, or 1 without memory, nothing changed. */
int train(int32_t *beta, int64_t *p, int64_t q, int64_t p0, const int32_t *centres, const int64_t *indptr,
          const int32_t *samples, const uint8_t *labels, int64_t n, const int64_t *value, const int64_t *slope,
          int64_t *counters)
{
    Work *w = aligned_alloc(64, (sizeof(Work) + 63) / 64 * 64);
    if (!w) return 1;
    const Contexts contexts = {centres, samples, indptr, labels, n};
    const Table table = {value, slope};
    load_matrix(&w->p, p);
    memset(w->samples, 0, sizeof w->samples);
    (AHEAD < 0 ? sequential : streaming)(beta, w, &contexts, q, p0, &table, counters);
    store_matrix(&w->p, p);
    free(w);
    return 0;
}
