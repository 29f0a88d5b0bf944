/* The arithmetic of the core as it is defined, in 64-bit integers: one value after another, any configuration.
 *
 * Gain is the type of an element of k where an update takes it.
 */


INLINE int64_t rounded(int64_t x, int shift) { return (x + ((INT64_C(1) << shift) >> 1)) >> shift; }

INLINE int64_t clamped(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

INLINE int64_t saturated(int64_t x, int bits) { return clamped(x, MIN(bits), MAX(bits)); }

INLINE int64_t beta_view(int64_t x) { return saturated(rounded(x, BETA_DROP), BETA_VIEW_BITS); }

INLINE int64_t p_view(int64_t x) { return saturated(rounded(x, P_DROP), P_VIEW_BITS); }

/* 1 / x for x of HU_FRACTION fraction bits and at least 1, by a line for each interval of the mantissa. */
static int64_t reciprocal(const Table *table, int64_t x)
{
    const int top = HU_INTEGER - 1;
    const int exponent = 63 - __builtin_clzll(x) - HU_FRACTION;
    const int64_t mantissa = (x << (top - exponent)) - (INT64_C(1) << MANTISSA_BITS);
    const int64_t interval = mantissa >> OFFSET_BITS;
    const int64_t offset = (mantissa & ((INT64_C(1) << OFFSET_BITS) - 1)) - (INT64_C(1) << (OFFSET_BITS - 1));
    const int64_t fall = saturated(rounded(table->slope[interval] * offset, PRODUCT_SHIFT), VALUE_BITS + 1);
    const int64_t g = rounded((table->value[interval] - fall) << (top - exponent), GUARD + top);
    const int64_t most = (INT64_C(1) << GAIN_BITS) - 1;
    return g < most ? g : most;
}

#define HU_ONE (INT64_C(1) << HU_FRACTION)
#define HU_TOP ((INT64_C(1) << (HU_INTEGER + HU_FRACTION)) - 1)

/* g of the sum h.u of a context. */
INLINE int64_t gain_of(const Table *table, int64_t sum, int64_t *counters)
{
    const int64_t one = HU_ONE, top = HU_TOP - HU_ONE;
    const int64_t exact = rounded(sum, HU_SHIFT), hu = clamped(exact, 0, top);
    counters[SAT_HU] += hu != exact;
    return reciprocal(table, one + hu);
}

/* f = p0 g of the sum h.h of a context: what h is multiplied by where p0 stands for P. */
INLINE int64_t factor_of(const Table *table, int64_t sum, int64_t p0, int64_t *counters)
{
    const int64_t p = p_view(p0), exact_hh = rounded(sum, HH_SHIFT), hh = exact_hh < HU_TOP ? exact_hh : HU_TOP;
    const int64_t exact = rounded(p * hh, P_FRACTION), kept = clamped(exact, 0, HU_TOP - HU_ONE);
    counters[SAT_HU] += (hh != exact_hh) | (kept != exact);
    return rounded(p * reciprocal(table, HU_ONE + kept), GAIN_BITS);
}

/* The error of a sample whose h.beta is sum. */
INLINE int64_t error_of(int64_t sum, int label, int64_t *counters)
{
    const int64_t exact_d = rounded(sum, E_SHIFT), d = saturated(exact_d, E_BITS);
    const int64_t exact = label * (INT64_C(1) << E_FRACTION) - d, e = saturated(exact, E_BITS);
    counters[SAT_E] += (d != exact_d) | (e != exact);
    return e;
}

/* beta[row] += e k, counting beats in which something was clamped. */
static void update_plain(int32_t *row, int64_t e, const Gain *k, int64_t *counters)
{
    for (int c = 0; c < DIM; c += LANES) {
        int bad = 0;
        for (int j = c; j < c + LANES; j++) {
            const int64_t exact = rounded(e * k[j], BETA_SHIFT), step = saturated(exact, BETA_BITS);
            const int64_t sum = row[j] + step, stored = saturated(sum, BETA_BITS);
            bad |= (step != exact) | (stored != sum);
            row[j] = stored;
        }
        counters[SAT_BETA] += bad;
    }
}

/* One element of the row r of P after the update by u[r] k[j]; grow is what the diagonal gains. */
INLINE int64_t updated_p(int64_t p, int64_t ur, int64_t kj, int64_t grow, int *bad)
{
    const int64_t exact = rounded(ur * kj, P_SHIFT), step = saturated(exact, P_BITS);
    const int64_t sum = p - step + grow, stored = saturated(sum, P_BITS);
    *bad |= (step != exact) | (stored != sum);
    return stored;
}

/* k = g u (or f h), counting beats in which something was clamped. */
static void gain_plain(int64_t g, const int64_t *u, int64_t *k, int64_t *counters)
{
    for (int c = 0; c < DIM; c += LANES) {
        int bad = 0;
        for (int j = c; j < c + LANES; j++) {
            const int64_t exact = rounded(g * u[j], K_SHIFT);
            k[j] = saturated(exact, K_BITS);
            bad |= k[j] != exact;
        }
        counters[SAT_K] += bad;
    }
}
