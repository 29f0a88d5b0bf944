#include "skipwalk_words.h"

enum { MAGIC = 0x534b5731, VERSION = 3 };
enum { WRITE_ROW = 5, READ_ROW = 6, WRITE_P = 7, READ_P = 8, TRAIN = 9, WALK = 11, WRITE_TABLE = 12, EDIT = 13,
       START = 14, ROUND = 15 };
enum { EDIT_CLEAR = 0, EDIT_NODES = 1, EDIT_ADD = 2, EDIT_REMOVE = 3, EDIT_FREE = 4 };
enum { SAMPLING = 2, KEY_HIGH = 3, KEY_LOW = 4 };
/* Of a pool: its size travels as an exponent less the shift. */
enum { LEAST_POOL = 16, POOL_SHIFT = 3, MOST_REPLACED = 128 };
#define PACKED ((uint32_t)1 << 27)
#define PARAMETERS 19

int skw_oselm_open(struct skw_oselm *core, const struct skw_oselm_config *config, struct skw_port port)
{
    core->port = port;
    core->config = config;
    core->flushes = 0;
    core->pool = 0;
    return skw_identify(&core->port, MAGIC, VERSION, config->digest);
}

int skw_oselm_set(struct skw_oselm *core, uint32_t parameter, uint32_t value)
{
    return parameter < PARAMETERS ? skw_send_2(&core->port, SKW_HEADER(SKW_SET, parameter), value) : SKW_RANGE;
}

static int write_rows(struct skw_oselm *core, int opcode, uint32_t first, const int32_t *rows, size_t n, uint32_t bits)
{
    size_t dim = core->config->dim, i;
    int status;
    for (i = 0; i < n; i++) {
        if ((status = skw_send_1(&core->port, SKW_HEADER(opcode, PACKED | (first + i)))) != SKW_OK)
            return status;
        if ((status = skw_send_packed(&core->port, rows + i * dim, dim, bits)) != SKW_OK)
            return status;
    }
    return SKW_OK;
}

static int read_rows(struct skw_oselm *core, int opcode, uint32_t first, int32_t *rows, size_t n, uint32_t bits)
{
    size_t dim = core->config->dim, i;
    int status;
    for (i = 0; i < n; i++) {
        if ((status = skw_send_1(&core->port, SKW_HEADER(opcode, PACKED | (first + i)))) != SKW_OK)
            return status;
        if ((status = skw_receive_packed(&core->port, rows + i * dim, dim, bits)) != SKW_OK)
            return status;
    }
    return SKW_OK;
}

static bool is_row(const struct skw_oselm *core, uint32_t row)
{
    return row < core->config->nodes;
}

static bool are_rows(const struct skw_oselm *core, uint32_t first, size_t n)
{
    return first <= core->config->nodes && n <= core->config->nodes - first;
}

int skw_oselm_load(struct skw_oselm *core, uint32_t first, const int32_t *rows, size_t n)
{
    if (!are_rows(core, first, n))
        return SKW_RANGE;
    return write_rows(core, WRITE_ROW, first, rows, n, core->config->beta_bits);
}

int skw_oselm_read(struct skw_oselm *core, uint32_t first, int32_t *rows, size_t n)
{
    if (!are_rows(core, first, n))
        return SKW_RANGE;
    return read_rows(core, READ_ROW, first, rows, n, core->config->beta_bits);
}

int skw_oselm_write_p(struct skw_oselm *core, const int32_t *p)
{
    if (!core->config->p_bits)
        return SKW_RANGE;
    return write_rows(core, WRITE_P, 0, p, core->config->dim, core->config->p_bits);
}

int skw_oselm_read_p(struct skw_oselm *core, int32_t *p)
{
    if (!core->config->p_bits)
        return SKW_RANGE;
    return read_rows(core, READ_P, 0, p, core->config->dim, core->config->p_bits);
}

int skw_oselm_train(struct skw_oselm *core, uint32_t centre, const uint32_t *rows, const bool *labels, size_t n)
{
    size_t i;
    int status;
    if (core->config->slots || !is_row(core, centre) || n > core->config->max_samples)
        return SKW_RANGE;
    for (i = 0; i < n; i++)
        if (!is_row(core, rows[i]))
            return SKW_RANGE;
    if ((status = skw_send_1(&core->port, SKW_HEADER(TRAIN, (uint32_t)n << 20 | centre))) != SKW_OK)
        return status;
    for (i = 0; i < n; i++)
        if ((status = skw_send_1(&core->port, (uint32_t)labels[i] << 31 | rows[i])) != SKW_OK)
            return status;
    return SKW_OK;
}

/* The exponent of a power of two from low to high, or -1. */
static int exponent(uint32_t value, uint32_t low, uint32_t high)
{
    int n = 0;
    if (value < low || value > high || (value & (value - 1)) != 0)
        return -1;
    while (value >>= 1)
        n++;
    return n;
}

int skw_oselm_set_pool(struct skw_oselm *core, uint32_t slots, uint32_t replaced)
{
    const struct skw_oselm_config *config = core->config;
    uint32_t most = config->slots ? config->replaced : MOST_REPLACED;
    int size, part;
    if (slots == 0) {
        core->pool = 0;
        return SKW_OK;
    }
    size = exponent(slots, LEAST_POOL, config->pool);
    part = exponent(replaced, 1, most < slots ? most : slots);
    if (size < 0 || part < 0)
        return SKW_RANGE;
    core->pool = (uint32_t)(size - POOL_SHIFT) << 18 | (uint32_t)part << 21;
    return SKW_OK;
}

int skw_oselm_set_sampling(struct skw_oselm *core, uint32_t window, uint32_t negatives, bool per_positive,
                           uint32_t walks, bool from_graph, uint64_t key)
{
    const struct skw_oselm_config *config = core->config;
    uint32_t samples, word;
    int status;
    if (window < 2 || window > 255 || negatives > 255 || walks < 1 || walks > config->walks)
        return SKW_RANGE;
    samples = per_positive ? (window - 1) * (1 + negatives) : window - 1 + negatives;
    if (samples > config->max_samples || (from_graph && config->edge_ends == 0))
        return SKW_RANGE;
    if (negatives != 0 && ((!from_graph && config->table_rows == 0) || (config->slots && core->pool == 0)))
        return SKW_RANGE;
    word = window | negatives << 8 | (uint32_t)per_positive << 16 | (uint32_t)from_graph << 17 | core->pool
           | walks << 24;
    if ((status = skw_oselm_set(core, SAMPLING, word)) != SKW_OK)
        return status;
    if ((status = skw_oselm_set(core, KEY_HIGH, (uint32_t)(key >> 32))) != SKW_OK)
        return status;
    return skw_oselm_set(core, KEY_LOW, (uint32_t)key);
}

int skw_oselm_write_table(struct skw_oselm *core, const uint32_t *threshold, const uint32_t *alias, size_t n)
{
    size_t i;
    int status;
    if (n > core->config->table_rows)
        return SKW_RANGE;
    if ((status = skw_send_1(&core->port, SKW_HEADER(WRITE_TABLE, (uint32_t)n))) != SKW_OK)
        return status;
    for (i = 0; i < n; i++)
        if ((status = skw_send_2(&core->port, threshold[i], alias[i])) != SKW_OK)
            return status;
    return SKW_OK;
}

int skw_oselm_walk(struct skw_oselm *core, const uint32_t *rows, size_t n)
{
    const struct skw_oselm_config *config = core->config;
    uint32_t word;
    size_t i;
    int status;
    if (config->walks == 0 || n > config->max_walk || (config->slots && n < 2))
        return SKW_RANGE;
    for (i = 0; i < n; i++)
        if (!is_row(core, rows[i]))
            return SKW_RANGE;
    if ((status = skw_send_1(&core->port, SKW_HEADER(WALK, (uint32_t)n))) != SKW_OK)
        return status;
    for (i = 0; i < n; i += config->walk_rows) {
        word = rows[i];
        if (config->walk_rows == 2 && i + 1 < n)
            word |= rows[i + 1] << 16;
        if ((status = skw_send_1(&core->port, word)) != SKW_OK)
            return status;
    }
    return SKW_OK;
}

static int edit(struct skw_oselm *core, int which, uint32_t u, uint32_t walks, const uint32_t *operands, size_t n)
{
    int status;
    if (core->config->edge_ends == 0 || !is_row(core, u) || walks > 15)
        return SKW_RANGE;
    status = skw_send_1(&core->port, SKW_HEADER(EDIT, (uint32_t)which << 24 | walks << 20 | u));
    return status != SKW_OK || n == 0 ? status : skw_send(&core->port, operands, n);
}

int skw_oselm_clear_graph(struct skw_oselm *core)
{
    return edit(core, EDIT_CLEAR, 0, 0, NULL, 0);
}

int skw_oselm_add_nodes(struct skw_oselm *core, uint32_t first, uint32_t n)
{
    return are_rows(core, first, n) ? edit(core, EDIT_NODES, first, 0, &n, 1) : SKW_RANGE;
}

int skw_oselm_add_edge(struct skw_oselm *core, uint32_t u, uint32_t v, uint32_t weight, uint32_t walks)
{
    uint32_t operands[2];
    bool weighted = core->config->weight_bits > 0;
    operands[0] = v;
    operands[1] = weight;
    if (!is_row(core, v) || (weighted && weight > 0xffff))
        return SKW_RANGE;
    return edit(core, EDIT_ADD, u, walks, operands, weighted ? 2 : 1);
}

int skw_oselm_remove_edge(struct skw_oselm *core, uint32_t u, uint32_t v, uint32_t walks)
{
    return is_row(core, v) ? edit(core, EDIT_REMOVE, u, walks, &v, 1) : SKW_RANGE;
}

int skw_oselm_free_node(struct skw_oselm *core, uint32_t u)
{
    return edit(core, EDIT_FREE, u, 0, NULL, 0);
}

int skw_oselm_start(struct skw_oselm *core, uint32_t row, uint32_t walks)
{
    if (core->config->edge_ends == 0 || !is_row(core, row) || walks > 255)
        return SKW_RANGE;
    return skw_send_1(&core->port, SKW_HEADER(START, walks << 20 | row));
}

int skw_oselm_round(struct skw_oselm *core, uint32_t walks)
{
    if (core->config->edge_ends == 0 || walks >> 28)
        return SKW_RANGE;
    return skw_send_1(&core->port, SKW_HEADER(ROUND, walks));
}

int skw_oselm_flush(struct skw_oselm *core)
{
    core->flushes = (core->flushes + 1) & 0x0fffffff;
    return skw_barrier(&core->port, core->flushes);
}

int skw_oselm_counter(struct skw_oselm *core, uint32_t counter, uint64_t *value)
{
    return counter < core->config->counters ? skw_get(&core->port, counter, value) : SKW_RANGE;
}

int skw_oselm_clear_counters(struct skw_oselm *core)
{
    return skw_send_1(&core->port, SKW_HEADER(SKW_CLEAR, 0));
}
