/* Executes a script of commands on an OS-ELM core; what is read goes to a file. */
#include "script.h"
#include "core.h"

#define MOST 8192

static int32_t elements[MOST];
static uint32_t rows[MOST], others[MOST];
static bool labels[MOST];

int main(int argc, char **argv)
{
    struct skw_oselm core;
    char word[32];
    FILE *script = fopen(argv[1], "r"), *found = fopen(argv[2], "w");
    size_t i, n;
    uint32_t a, b, c, d;
    if (script == NULL || found == NULL)
        return 2;
    check(skw_oselm_open(&core, &SKIPWALK_CORE, open_port(argc, argv, SKIPWALK_KIND, SKIPWALK_DIGEST)));
    while (fscanf(script, "%31s", word) == 1) {
        if (strcmp(word, "set") == 0) {
            a = (uint32_t)number(script);
            check(skw_oselm_set(&core, a, (uint32_t)number(script)));
        } else if (strcmp(word, "load") == 0) {
            a = (uint32_t)number(script);
            n = (size_t)number(script);
            for (i = 0; i < n * SKIPWALK_CORE.dim; i++)
                elements[i] = (int32_t)number(script);
            check(skw_oselm_load(&core, a, elements, n));
        } else if (strcmp(word, "write_p") == 0) {
            for (i = 0; i < SKIPWALK_CORE.dim * SKIPWALK_CORE.dim; i++)
                elements[i] = (int32_t)number(script);
            check(skw_oselm_write_p(&core, elements));
        } else if (strcmp(word, "train") == 0) {
            a = (uint32_t)number(script);
            n = (size_t)number(script);
            for (i = 0; i < n; i++) {
                rows[i] = (uint32_t)number(script);
                labels[i] = number(script) != 0;
            }
            check(skw_oselm_train(&core, a, rows, labels, n));
        } else if (strcmp(word, "pool") == 0) {
            a = (uint32_t)number(script);
            check(skw_oselm_set_pool(&core, a, (uint32_t)number(script)));
        } else if (strcmp(word, "sampling") == 0) {
            a = (uint32_t)number(script);
            b = (uint32_t)number(script);
            c = (uint32_t)number(script);
            d = (uint32_t)number(script);
            n = (size_t)number(script);
            check(skw_oselm_set_sampling(&core, a, b, c != 0, d, n != 0, (uint64_t)number(script)));
        } else if (strcmp(word, "table") == 0) {
            n = (size_t)number(script);
            for (i = 0; i < n; i++) {
                rows[i] = (uint32_t)number(script);
                others[i] = (uint32_t)number(script);
            }
            check(skw_oselm_write_table(&core, rows, others, n));
        } else if (strcmp(word, "walk") == 0) {
            n = (size_t)number(script);
            for (i = 0; i < n; i++)
                rows[i] = (uint32_t)number(script);
            check(skw_oselm_walk(&core, rows, n));
        } else if (strcmp(word, "graph") == 0) {
            check(skw_oselm_clear_graph(&core));
            check(skw_oselm_add_nodes(&core, 0, (uint32_t)number(script)));
        } else if (strcmp(word, "edge") == 0) {
            a = (uint32_t)number(script);
            b = (uint32_t)number(script);
            c = (uint32_t)number(script);
            check(skw_oselm_add_edge(&core, a, b, c, (uint32_t)number(script)));
        } else if (strcmp(word, "remove") == 0) {
            a = (uint32_t)number(script);
            b = (uint32_t)number(script);
            check(skw_oselm_remove_edge(&core, a, b, (uint32_t)number(script)));
        } else if (strcmp(word, "free") == 0) {
            check(skw_oselm_free_node(&core, (uint32_t)number(script)));
        } else if (strcmp(word, "start") == 0) {
            a = (uint32_t)number(script);
            check(skw_oselm_start(&core, a, (uint32_t)number(script)));
        } else if (strcmp(word, "round") == 0) {
            check(skw_oselm_round(&core, (uint32_t)number(script)));
        } else if (strcmp(word, "read") == 0) {
            a = (uint32_t)number(script);
            n = (size_t)number(script);
            check(skw_oselm_flush(&core));
            check(skw_oselm_read(&core, a, elements, n));
            for (i = 0; i < n * SKIPWALK_CORE.dim; i++)
                fprintf(found, "%ld\n", (long)elements[i]);
            check(skw_oselm_read_p(&core, elements));
            for (i = 0; i < SKIPWALK_CORE.dim * SKIPWALK_CORE.dim; i++)
                fprintf(found, "%ld\n", (long)elements[i]);
        } else if (strcmp(word, "counter") == 0) {
            uint64_t value;
            check(skw_oselm_counter(&core, (uint32_t)number(script), &value));
            fprintf(found, "%llu\n", (unsigned long long)value);
            check(skw_oselm_clear_counters(&core));
        } else {
            return 3;
        }
    }
    fflush(stdout);
    close_port(argc);
    return fclose(found) == 0 ? 0 : 2;
}
