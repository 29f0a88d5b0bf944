/* What LiteX generates for a core called skipwalk, as far as the port uses it: CSRs that speak to stdin and stdout. */
#include <stdio.h>

#include "generated/csr.h"

static uint32_t enabled, turn, room, waiting;
static uint64_t base[2];
static uint32_t length[2];

static void put(uint32_t word)
{
    fwrite(&word, 4, 1, stdout);
}

static uint32_t get(void)
{
    uint32_t word = 0;
    fflush(stdout);
    return fread(&word, 4, 1, stdin) == 1 ? word : 0;
}

/* Room for none up to 4, and one reply. Whoever writes or reads more has that told. */
uint32_t skipwalk_levels_read(void)
{
    room = turn++ % 5;
    waiting = 1;
    return room | waiting << 16;
}

void skipwalk_words_write(uint32_t word)
{
    if (room-- == 0)
        fprintf(stderr, "no room\n");
    put(word);
}

uint32_t skipwalk_words_read(void)
{
    if (waiting-- == 0)
        fprintf(stderr, "nothing waits\n");
    return get();
}

void skipwalk_core_control_write(uint32_t reset) { fprintf(stderr, "reset %u\n", (unsigned)reset); }
void skipwalk_hold_write(uint32_t on) { fprintf(stderr, "hold %u\n", (unsigned)on); }
void skipwalk_ev_enable_write(uint32_t events) { enabled = events; }

/* Nothing has happened yet when it is asked for the first time. */
uint32_t skipwalk_ev_status_read(void)
{
    return turn++ % 2 ? 7 : 0;
}

void skipwalk_reader_base_write(uint64_t at) { base[0] = at; }
void skipwalk_reader_length_write(uint32_t bytes) { length[0] = bytes; }
void skipwalk_writer_base_write(uint64_t at) { base[1] = at; }
void skipwalk_writer_length_write(uint32_t bytes) { length[1] = bytes; }

void skipwalk_reader_enable_write(uint32_t on)
{
    uint32_t i;
    for (i = 0; on && i < length[0] / 4; i++)
        put(((const uint32_t *)(uintptr_t)base[0])[i]);
}

void skipwalk_writer_enable_write(uint32_t on)
{
    uint32_t i;
    for (i = 0; on && i < length[1] / 4; i++)
        ((uint32_t *)(uintptr_t)base[1])[i] = get();
}

uint32_t fake_enabled(void) { return enabled; }
