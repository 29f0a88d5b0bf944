/* Trains the walks of task.h on the core, and prints the digest of all that it has learned; then ends the simulation. */
#include <irq.h>

#include <generated/csr.h>
#include <generated/soc.h>

#include "core.h"
#include "sha256.h"
#include "skipwalk_litex.h"
#include "task.h"

static struct skw_litex litex = {TASK_BY_DMA, NULL, 0};

static void put(const char *text)
{
    for (; *text; text++) {
        while (uart_txfull_read())
            ;
        uart_rxtx_write(*text);
    }
}

static void put_number(const char *name, uint64_t value)
{
    char digits[21];
    int at = 20;
    digits[at] = 0;
    do
        digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    put(name);
    put(digits + at);
    put("\n");
}

static void finish(void)
{
    while (!uart_txempty_read())
        ;
    sim_finish_finish_write(1);
    for (;;)
        ;
}

static void check(int status)
{
    if (status == SKW_OK)
        return;
    put("error ");
    put(skw_message(status));
    put("\n");
    finish();
}

static uint64_t cycles(void)
{
    timer0_uptime_latch_write(1);
    return timer0_uptime_cycles_read();
}

void isr(void);
void isr(void)
{
    if (irq_pending() & irq_getmask() & 1u << SKIPWALK_INTERRUPT)
        skw_litex_isr(&litex);
}

/* There is nothing else to do meanwhile. */
static void wait(void)
{
}

static void learn(struct skw_oselm *core)
{
    static int32_t p[TASK_DIM * TASK_DIM];
    size_t i;
    for (i = 0; i < sizeof TASK_SETTINGS / sizeof *TASK_SETTINGS; i++)
        check(skw_oselm_set(core, TASK_SETTINGS[i].parameter, TASK_SETTINGS[i].value));
    check(skw_oselm_clear_graph(core));
    check(skw_oselm_add_nodes(core, 0, TASK_NODES));
    for (i = 0; i < sizeof TASK_EDGES / sizeof *TASK_EDGES; i++)
        check(skw_oselm_add_edge(core, TASK_EDGES[i][0], TASK_EDGES[i][1], 0, 0));
    for (i = 0; i < TASK_DIM; i++)
        p[i * TASK_DIM + i] = TASK_P0;
    check(skw_oselm_write_p(core, p));
    check(skw_oselm_flush(core));
    check(skw_oselm_clear_counters(core));
}

static void add_numbers(struct sha256 *hash, const int32_t *numbers, size_t n)
{
    for (; n > 0; n--) {
        int64_t wide = *numbers++;
        sha256_add(hash, &wide, sizeof wide);
    }
}

static void put_digest(struct skw_oselm *core)
{
    static int32_t numbers[TASK_DIM * TASK_DIM];
    struct sha256 hash;
    uint8_t digest[32];
    char text[3] = {0};
    uint32_t row;
    int i;
    sha256_begin(&hash);
    sha256_add(&hash, TASK_ROWS_SHAPE, sizeof TASK_ROWS_SHAPE - 1);
    for (row = 0; row < TASK_NODES; row++) {
        check(skw_oselm_read(core, row, numbers, 1));
        add_numbers(&hash, numbers, TASK_DIM);
    }
    check(skw_oselm_read_p(core, numbers));
    sha256_add(&hash, TASK_P_SHAPE, sizeof TASK_P_SHAPE - 1);
    add_numbers(&hash, numbers, TASK_DIM * TASK_DIM);
    sha256_end(&hash, digest);
    put("digest ");
    for (i = 0; i < 32; i++) {
        text[0] = "0123456789abcdef"[digest[i] >> 4];
        text[1] = "0123456789abcdef"[digest[i] & 15];
        put(text);
    }
    put("\n");
}

int main(void)
{
    static const struct {
        const char *name;
        uint32_t counter;
    } COUNTERS[] = {
        {"walks ", SKIPWALK_COUNTER_WALKS},
        {"contexts ", SKIPWALK_COUNTER_CONTEXTS},
        {"rejected ", SKIPWALK_COUNTER_REJECTED},
        {"refused ", SKIPWALK_COUNTER_REFUSED},
    };
    struct skw_oselm core;
    uint64_t began, loaded, trained, value;
    size_t i;
    litex.wait = wait;
    irq_setmask(1u << SKIPWALK_INTERRUPT);
    irq_setie(1);
    skw_litex_reset();
    if (skipwalk_core_digest_read() != SKIPWALK_DIGEST)
        check(SKW_DIGEST);
    check(skw_oselm_open(&core, &SKIPWALK_CORE, skw_litex_port(&litex)));
    began = cycles();
    learn(&core);
    loaded = cycles();
    check(skw_oselm_round(&core, TASK_WALKS));
    check(skw_oselm_flush(&core));
    trained = cycles();
    for (i = 0; i < sizeof COUNTERS / sizeof *COUNTERS; i++) {
        check(skw_oselm_counter(&core, COUNTERS[i].counter, &value));
        put_number(COUNTERS[i].name, value);
    }
    value = cycles();
    put_digest(&core);
    put_number("cycles_read ", cycles() - value);
    put_number("cycles_load ", loaded - began);
    put_number("cycles_train ", trained - loaded);
    put_number("interrupts ", litex.interrupts);
    put_number("words_in ", skipwalk_core_words_in_read());
    put_number("words_out ", skipwalk_core_words_out_read());
    put_number("cycles ", cycles());
    finish();
    return 0;
}
