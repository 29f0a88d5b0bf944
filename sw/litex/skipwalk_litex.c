#include "skipwalk_litex.h"

#include <system.h>

#include <generated/csr.h>

/* Bits of the events. */
enum { REPLY = 1, SENT = 2, RECEIVED = 4 };

void skw_litex_reset(void)
{
    int i;
    skipwalk_reader_enable_write(0);
    skipwalk_writer_enable_write(0);
    skipwalk_ev_enable_write(0);
    skipwalk_core_control_write(1);
    skipwalk_hold_write(1);
    /* Meanwhile the 16 words of the reader's own FIFO run out. */
    for (i = 0; i < 16; i++)
        (void)skipwalk_levels_read();
    skipwalk_hold_write(0);
    skipwalk_core_control_write(0);
}

void skw_litex_isr(struct skw_litex *core)
{
    skipwalk_ev_enable_write(0);
    core->interrupts++;
}

/* The compiler sees neither the reader read nor the writer write. */
static void settle(void)
{
    __asm__ volatile("" ::: "memory");
}

/* Until one of the events is there. */
static void await(struct skw_litex *core, uint32_t events)
{
    while (!(skipwalk_ev_status_read() & events))
        if (core->wait) {
            skipwalk_ev_enable_write(events);
            core->wait();
        }
    skipwalk_ev_enable_write(0);
}

static int write_words(void *context, const uint32_t *words, size_t n)
{
    struct skw_litex *core = context;
    size_t room;
    if (core->by_dma && n >= core->by_dma) {
        settle();
        skipwalk_reader_base_write((uintptr_t)words);
        skipwalk_reader_length_write(n * sizeof *words);
        skipwalk_reader_enable_write(1);
        await(core, SENT);
        skipwalk_reader_enable_write(0);
        return 0;
    }
    while (n > 0) {
        room = skipwalk_levels_read() & 0xffff;
        for (; room > 0 && n > 0; room--, n--)
            skipwalk_words_write(*words++);
    }
    return 0;
}

static int read_words(void *context, uint32_t *words, size_t n)
{
    struct skw_litex *core = context;
    size_t waiting;
    if (core->by_dma && n >= core->by_dma) {
        skipwalk_writer_base_write((uintptr_t)words);
        skipwalk_writer_length_write(n * sizeof *words);
        skipwalk_writer_enable_write(1);
        await(core, RECEIVED);
        skipwalk_writer_enable_write(0);
        flush_cpu_dcache();
        settle();
        return 0;
    }
    while (n > 0) {
        await(core, REPLY);
        waiting = skipwalk_levels_read() >> 16;
        for (; waiting > 0 && n > 0; waiting--, n--)
            *words++ = skipwalk_words_read();
    }
    return 0;
}

struct skw_port skw_litex_port(struct skw_litex *core)
{
    struct skw_port port = {write_words, read_words, NULL};
    port.context = core;
    return port;
}
