/* Driver of skipwalk's cores in C99: no allocation, no library but <stdint.h>, <stddef.h> and <stdbool.h>.
 *
 * Words go to a core and come back by two callbacks. The header that `skipwalk export` writes for a core says what it
 * is (SKIPWALK_CORE, to be given to skw_oselm_open or skw_lora_open) and has the numbers of its parameters and
 * counters. Numbers of the core's formats are raw two's-complement integers: the value times 2 to the fraction bits.
 *
 * Every function returns SKW_OK or a negative skw_status. After SKW_IO or SKW_ANSWER, the core may be in the middle of
 * a command: reset it, and open it again. After any other, nothing has been sent.
 */
#ifndef SKIPWALK_H
#define SKIPWALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum skw_status {
    SKW_OK = 0,
    SKW_IO = -1,      /* a callback did not return 0 */
    SKW_MAGIC = -2,   /* another unit, or none */
    SKW_VERSION = -3, /* it speaks another version of the words */
    SKW_DIGEST = -4,  /* it has another configuration */
    SKW_RANGE = -5,   /* an argument that the core does not take */
    SKW_ANSWER = -6,  /* it answered something else than was asked for */
    SKW_SILENT = -7,  /* over the link: nobody answers */
    SKW_TAKEN = -8    /* over the link: the device has restarted, or someone else has opened it */
};

/* What a status says, in English. */
const char *skw_message(int status);

/* Carries words in their order: to s_axis, and from m_axis. Both block until all n words have gone or come; they
 * return 0, or anything else if that cannot be. */
struct skw_port {
    int (*write)(void *context, const uint32_t *words, size_t n);
    int (*read)(void *context, uint32_t *words, size_t n);
    void *context;
};

/* ---- OS-ELM: sequential node2vec */

struct skw_oselm_config {
    uint32_t digest, nodes, dim, max_samples;
    uint32_t beta_bits, beta_fraction, p_bits, p_fraction, mu_shift; /* p_bits: 0 if it has no P, but p0 alone */
    uint32_t walks, max_walk, walk_rows; /* walks: 0 if the core makes no contexts of walks */
    uint32_t table_rows;                 /* of an alias table; 0 if it has none */
    uint32_t edge_ends, weight_bits;     /* edge_ends: 0 if it holds no graph */
    uint32_t pool;                       /* most slots of a pool of negatives; 0 if it has none */
    uint32_t slots, replaced;            /* slots: 0 if all rows are on the chip; else as skw_oselm_set_pool says */
    uint32_t counters;
};

struct skw_oselm {
    struct skw_port port;
    const struct skw_oselm_config *config;
    uint32_t flushes, pool;
};

/* Ask the core what it is; refuse any but the one of that configuration. */
int skw_oselm_open(struct skw_oselm *core, const struct skw_oselm_config *config, struct skw_port port);

/* Set a parameter, SKIPWALK_PARAMETER_*, to a raw value. */
int skw_oselm_set(struct skw_oselm *core, uint32_t parameter, uint32_t value);

/* n rows of beta from `first` on, and P as a whole: rows of config->dim raw numbers, one after another. A core without P
 * gives SKW_RANGE. */
int skw_oselm_load(struct skw_oselm *core, uint32_t first, const int32_t *rows, size_t n);
int skw_oselm_read(struct skw_oselm *core, uint32_t first, int32_t *rows, size_t n);
int skw_oselm_write_p(struct skw_oselm *core, const int32_t *p);
int skw_oselm_read_p(struct skw_oselm *core, int32_t *p);

/* One context: a centre and n samples, labels true for neighbours and false for negatives. It is trained later. A core
 * whose rows are in memory (config->slots) gives SKW_RANGE: it takes walks. */
int skw_oselm_train(struct skw_oselm *core, uint32_t centre, const uint32_t *rows, const bool *labels, size_t n);

/* How the core makes contexts of walks: a window of so many nodes, so many negatives for a context or for each
 * positive, walks in flight, negatives from the alias table or, with from_graph, from the graph; and the key of the
 * negatives' generator. */
int skw_oselm_set_sampling(struct skw_oselm *core, uint32_t window, uint32_t negatives, bool per_positive,
                           uint32_t walks, bool from_graph, uint64_t key);

/* Negatives come through a pool of so many drawn rows, of which each walk replaces some; both are powers of two. It
 * holds for every skw_oselm_set_sampling after it; 0 slots: each negative is drawn anew, as after skw_oselm_open. A core
 * whose rows are in memory takes no negatives without a pool, and replaces at most config->replaced. */
int skw_oselm_set_pool(struct skw_oselm *core, uint32_t slots, uint32_t replaced);

/* The alias table: n thresholds of 24 bits and n rows. A core without one gives SKW_RANGE, and so does sampling of
 * negatives from it. */
int skw_oselm_write_table(struct skw_oselm *core, const uint32_t *threshold, const uint32_t *alias, size_t n);

/* A walk of n rows; two at least, if rows are in memory. Its number is that of the parameter NEXT_WALK, which rises. It
 * is trained later. */
int skw_oselm_walk(struct skw_oselm *core, const uint32_t *rows, size_t n);

/* The graph on the core. After an edge has been added or removed, `walks` are made and trained from each of its ends;
 * after the others, none. A weight is raw, and ignored by a core whose edges have none. */
int skw_oselm_clear_graph(struct skw_oselm *core);
int skw_oselm_add_nodes(struct skw_oselm *core, uint32_t first, uint32_t n);
int skw_oselm_add_edge(struct skw_oselm *core, uint32_t u, uint32_t v, uint32_t weight, uint32_t walks);
int skw_oselm_remove_edge(struct skw_oselm *core, uint32_t u, uint32_t v, uint32_t walks);
int skw_oselm_free_node(struct skw_oselm *core, uint32_t u);

/* Make and train walks: from one row, or from the rows of the round in their order. */
int skw_oselm_start(struct skw_oselm *core, uint32_t row, uint32_t walks);
int skw_oselm_round(struct skw_oselm *core, uint32_t walks);

/* Wait until all that was sent has been trained. */
int skw_oselm_flush(struct skw_oselm *core);

/* A counter, SKIPWALK_COUNTER_*, of 48 bits; and all of them to 0. */
int skw_oselm_counter(struct skw_oselm *core, uint32_t counter, uint64_t *value);
int skw_oselm_clear_counters(struct skw_oselm *core);

/* ---- Skip2-LoRA: fine-tuning */

enum skw_space { SKW_ADAPTERS = 0, SKW_WEIGHTS = 1, SKW_BIASES = 2, SKW_SIGNS = 3 };

struct skw_lora_config {
    uint32_t digest, cache_samples, inputs, classes, lanes;
    uint32_t adapter_words, a_words;  /* words of `lanes` elements */
    uint32_t elements[4], bits[4];    /* of each skw_space: how many there are, and their width */
    uint32_t x_bits, x_chunks;        /* of an activation; words of `lanes` of them in an input */
    uint32_t y_bits, y_fraction, loss_fraction, layers, counters;
};

struct skw_lora {
    struct skw_port port;
    const struct skw_lora_config *config;
};

/* What the unit counted in an epoch; the loss is the sum of cross entropies, raw with loss_fraction fraction bits. */
struct skw_report {
    uint32_t samples, correct;
    uint64_t loss;
};

/* The number of a sample that is not kept in the Skip-Cache. */
#define SKW_NOT_KEPT 0xfffffu

/* As skw_oselm_open; empties the Skip-Cache. */
int skw_lora_open(struct skw_lora *unit, const struct skw_lora_config *config, struct skw_port port);
int skw_lora_set(struct skw_lora *unit, uint32_t parameter, uint32_t value);

/* n elements of a space from word `first` on: of `lanes` elements, of BIASES of one. Of SIGNS, 1 where A is negative. */
int skw_lora_write(struct skw_lora *unit, enum skw_space space, uint32_t first, const int32_t *elements, size_t n);

/* `words` words of adapters from `first` on, config->lanes elements each. */
int skw_lora_read(struct skw_lora *unit, uint32_t first, int32_t *elements, size_t words);

/* Empty the Skip-Cache; after the backbone has been written anew, say. */
int skw_lora_forget(struct skw_lora *unit);

/* n samples of config->inputs raw activations each into the Skip-Cache, with their labels, from number `first` on. */
int skw_lora_load(struct skw_lora *unit, uint32_t first, const uint16_t *inputs, const uint8_t *labels, size_t n);

/* Ask for epochs over the samples 0 ... n - 1 of the Skip-Cache, then take a report on each. `first` is the number of
 * the first epoch, `key` that of their order. */
int skw_lora_epochs(struct skw_lora *unit, uint32_t n, uint32_t epochs, uint32_t batch, uint64_t key, uint32_t first);
int skw_lora_report(struct skw_lora *unit, struct skw_report *report);

/* Learn one sample: from the Skip-Cache by its number, or from its input, which is kept there under `number`. */
int skw_lora_learn_cached(struct skw_lora *unit, uint32_t number, uint32_t label, bool ends_batch);
int skw_lora_learn(struct skw_lora *unit, const uint16_t *input, uint32_t number, uint32_t label, bool ends_batch);

/* The config->classes outputs of an input, raw. */
int skw_lora_outputs(struct skw_lora *unit, const uint16_t *input, int32_t *outputs);

int skw_lora_flush(struct skw_lora *unit);
int skw_lora_counter(struct skw_lora *unit, uint32_t counter, uint64_t *value);
int skw_lora_clear_counters(struct skw_lora *unit);

#endif
