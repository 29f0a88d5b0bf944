/* The host end of the serial link, for a board: skipwalk's words over a line that may lose, change, double and invent
 * bytes. C99, no allocation; frames of COBS with a CRC-32, acknowledgements, repetition: docs/link.md has the rules.
 *
 * One struct skw_link is a session; its port goes to skw_oselm_open or skw_lora_open. Words wait until a frame is full,
 * or something is read or flushed, and what was sent may have to be sent again by a later call: let skw_link_flush or a
 * reading call be the last. Up to as many words as the device's ring holds (512) may wait to be read; a core that owes
 * more stands still. One that neither takes nor gives a word for 30 s, while it is waited for, counts as stopped.
 */
#ifndef SKIPWALK_LINK_H
#define SKIPWALK_LINK_H

#include "skipwalk.h"

/* Words kept each way: a power of two, at least the device's `depth`. */
#ifndef SKW_LINK_WORDS
#define SKW_LINK_WORDS 512
#endif
/* Of a frame with 255 words, encoded. */
#define SKW_LINK_BYTES 1048

/* Carries bytes. `write` blocks until all have gone; `read` gives at least one byte, or none after `ms` milliseconds.
 * Both return 0, or anything else if the line is gone. `clock` gives milliseconds from any start, modulo 2^32.
 * A line without a speed of its own has bytes_per_second 0. */
struct skw_line {
    int (*write)(void *context, const uint8_t *bytes, size_t n);
    int (*read)(void *context, uint8_t *bytes, size_t most, uint32_t ms, size_t *got);
    uint32_t (*clock)(void *context);
    void *context;
    uint32_t bytes_per_second;
};

struct skw_link {
    struct skw_line line;
    int status;                                 /* why the port failed: a skw_status */
    uint32_t damaged, repeated;                 /* frames from the device; to it, sent again */
    uint32_t patience, give_up, heard;          /* ms */
    uint16_t session, stranger, strangers;
    uint16_t tx_base, tx_next, tx_end, tx_high; /* acknowledged, next to be sent, queued, ever sent */
    uint16_t tx_limit, went_back;
    uint16_t rx_taken, rx_next, rx_told, asked; /* read by the caller, received in order, acknowledged, asked for */
    uint16_t depth, frame_words;
    bool open, has_asked, has_gone_back, overlong;
    uint32_t kind, digest, unit, units;         /* of the device, as it said */
    size_t filled;
    uint32_t tx[SKW_LINK_WORDS], rx[SKW_LINK_WORDS];
    uint8_t raw[SKW_LINK_BYTES], body[SKW_LINK_BYTES], out[SKW_LINK_BYTES + 2];
};

/* Open the unit of that kind and digest (SKIPWALK_KIND, SKIPWALK_DIGEST); its core is reset. `session` should differ
 * from time to time: a counter, a clock. SKW_SILENT: nobody answers; SKW_MAGIC, SKW_DIGEST: the device has no such
 * unit; SKW_VERSION: another version of the link; SKW_RANGE: its ring is longer than SKW_LINK_WORDS. */
int skw_link_open(struct skw_link *link, struct skw_line line, uint32_t kind, uint32_t digest, uint16_t session);

/* What the drivers want. The link has to stay where it is. */
struct skw_port skw_link_port(struct skw_link *link);

/* Wait until the device has acknowledged every word. */
int skw_link_flush(struct skw_link *link);

#endif
