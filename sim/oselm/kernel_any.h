/* Slots and P for any configuration, by kernel_plain.h. */

typedef struct {
    int64_t h[DIM], u[DIM], k[DIM];
} Slot;

typedef struct {
    int64_t p[DIM][DIM];
} Matrix;

static void load_matrix(Matrix *m, const int64_t *p) { memcpy(m->p, p, sizeof m->p); }

static void store_matrix(const Matrix *m, int64_t *p) { memcpy(p, m->p, sizeof m->p); }

typedef struct {
    const int32_t *samples;
    const uint8_t *labels;
    int32_t *beta;
    int64_t errors[MAX_SAMPLES];
    int n;
} Samples;

INLINE void load(Slot *slot, const int32_t *row)
{
    for (int j = 0; j < DIM; j++) slot->h[j] = beta_view(row[j]);
}

INLINE int64_t dot(const Slot *slot, const int32_t *row)
{
    int64_t sum = 0;
    for (int j = 0; j < DIM; j++) sum += beta_view(row[j]) * slot->h[j];
    return sum;
}

/* The update of P by a context (or none), then u of another one (or none). */
static void sweep(Matrix *m, const Slot *before, Slot *next, int64_t q, int64_t p0, int64_t *counters)
{
    for (int r = 0; r < DIM; r++) {
        int64_t *row = m->p[r];
        if (before) {
            const int64_t grow = row[r] < p0 ? q : 0;
            for (int c = 0; c < DIM; c += LANES) {
                int bad = 0;
                for (int j = c; j < c + LANES; j++)
                    row[j] = updated_p(row[j], before->u[r], before->k[j], j == r ? grow : 0, &bad);
                counters[SAT_P] += bad;
            }
        }
        if (next) {
            int64_t sum = 0;
            for (int j = 0; j < DIM; j++) sum += p_view(row[j]) * next->h[j];
            const int64_t exact = rounded(sum, U_SHIFT);
            next->u[r] = saturated(exact, U_BITS);
            counters[SAT_U] += next->u[r] != exact;
        }
    }
}

static void gain(Slot *slot, int64_t p0, const Table *table, int64_t *counters)
{
    const int64_t *vector = CONSTANT ? slot->h : slot->u;
    int64_t sum = 0;
    for (int r = 0; r < DIM; r++) sum += slot->h[r] * vector[r];
    const int64_t g = CONSTANT ? factor_of(table, sum, p0, counters) : gain_of(table, sum, counters);
    gain_plain(g, vector, slot->k, counters);
}

static void fetch(Samples *s, int32_t *beta, const int32_t *samples, const uint8_t *labels, int n, int64_t left)
{
    (void)left;
    s->beta = beta;
    s->samples = samples;
    s->labels = labels;
    s->n = n;
}

INLINE void read_one(Samples *s, int x, const Slot *slot, int64_t *counters)
{
    s->errors[x] = error_of(dot(slot, row_of(s->beta, s->samples[x])), s->labels[x], counters);
}

INLINE void update_one(const Samples *s, int x, const Slot *slot, int64_t *counters)
{
    update_plain(row_of(s->beta, s->samples[x]), s->errors[x], slot->k, counters);
}

static void read_all(Samples *now, const Slot *slot, int64_t *counters)
{
    for (int x = 0; x < now->n; x++) read_one(now, x, slot, counters);
}

static void update_all(const Samples *old, const Slot *slot, int64_t *counters)
{
    for (int x = 0; x < old->n; x++) update_one(old, x, slot, counters);
}

static void ask_for(const Samples *s, int first, int end) { (void)s, (void)first, (void)end; }

static void read_and_update(Samples *now, const Slot *slot, const Samples *old, const Slot *before,
                            const Samples *next, int64_t *counters)
{
    (void)next;
    for (int x = 0; x < now->n || x < old->n; x++) {
        if (x < now->n) read_one(now, x, slot, counters);
        if (x < old->n) update_one(old, x, before, counters);
    }
}
