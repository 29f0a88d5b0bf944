#include "skipwalk_link.h"

enum { LINK_VERSION = 2, OPEN = 1, AGAIN = 2 };
enum { HOST_HEADER = 7, DEVICE_HEADER = 9, CRC = 4, IDENTITY_WORDS = 5 };
/* Milliseconds: longest single wait; without progress; without a sound frame; a core that works and says nothing. */
enum { SLICE = 20, PATIENCE = 50, GIVE_UP = 3000, STUCK = 30000 };
enum { STRANGERS = 3 };
#define LINK_MAGIC 0x6b776b73u /* the bytes skwk */
#define SLOT(count) ((count) & (SKW_LINK_WORDS - 1))

struct frame {
    uint8_t flags;
    uint16_t session, seq, ack, limit;
    const uint8_t *words;
    size_t n;
};

/* ---- bytes */

static uint32_t crc32(const uint8_t *bytes, size_t n)
{
    static const uint32_t table[16] = {
        0x00000000u, 0x1db71064u, 0x3b6e20c8u, 0x26d930acu, 0x76dc4190u, 0x6b6b51f4u, 0x4db26158u, 0x5005713cu,
        0xedb88320u, 0xf00f9344u, 0xd6d6a3e8u, 0xcb61b38cu, 0x9b64c2b0u, 0x86d3d2d4u, 0xa00ae278u, 0xbdbdf21cu,
    };
    uint32_t crc = 0xffffffffu;
    size_t i;
    for (i = 0; i < n; i++) {
        crc = crc >> 4 ^ table[(crc ^ bytes[i]) & 15];
        crc = crc >> 4 ^ table[(crc ^ bytes[i] >> 4) & 15];
    }
    return ~crc;
}

static uint16_t get_16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get_32(const uint8_t *at)
{
    return (uint32_t)get_16(at) | (uint32_t)get_16(at + 2) << 16;
}

static uint8_t *put_16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value & 0xff);
    at[1] = (uint8_t)(value >> 8);
    return at + 2;
}

static uint8_t *put_32(uint8_t *at, uint32_t value)
{
    return put_16(put_16(at, (uint16_t)(value & 0xffff)), (uint16_t)(value >> 16));
}

/* COBS with the closing zero; returns how many bytes that are. */
static size_t encode(const uint8_t *body, size_t n, uint8_t *out)
{
    size_t code = 0, at = 1, i;
    for (i = 0; i < n; i++) {
        if (body[i] != 0)
            out[at++] = body[i];
        /* A full block ends, and another begins only if the frame goes on. */
        if (body[i] == 0 || (at - code == 255 && i + 1 < n)) {
            out[code] = (uint8_t)(at - code);
            code = at++;
        }
    }
    out[code] = (uint8_t)(at - code);
    out[at] = 0;
    return at + 1;
}

/* The body of n encoded bytes, the closing zero not among them; false if a block goes beyond their end. */
static bool decode(const uint8_t *raw, size_t n, uint8_t *body, size_t *size)
{
    size_t i = 0, at = 0;
    while (i < n) {
        size_t code = raw[i++], j;
        if (code - 1 > n - i)
            return false;
        for (j = 1; j < code; j++)
            body[at++] = raw[i++];
        if (code < 255 && i < n)
            body[at++] = 0;
    }
    *size = at;
    return true;
}

/* The nearest integer to a difference of two counts. */
static int apart(uint16_t a, uint16_t b)
{
    uint16_t difference = (uint16_t)(a - b);
    return difference < 0x8000 ? (int)difference : (int)difference - 0x10000;
}

static uint16_t count(uint16_t a, uint16_t b)
{
    return (uint16_t)(a - b);
}

/* ---- sending */

static uint32_t now(const struct skw_link *link)
{
    return link->line.clock(link->line.context);
}

static int put(struct skw_link *link, const uint8_t *bytes, size_t n)
{
    return link->line.write(link->line.context, bytes, n) == 0 ? SKW_OK : SKW_IO;
}

/* A frame of n words from `seq` on. One that asks for something has a zero ahead, which ends what may be half sent. */
static int send_frame(struct skw_link *link, uint8_t flags, uint16_t seq, size_t n)
{
    uint8_t *at = link->body;
    size_t i, size;
    *at++ = flags;
    at = put_16(put_16(put_16(at, link->session), seq), link->rx_taken);
    for (i = 0; i < n; i++)
        at = put_32(at, link->tx[SLOT(seq + i)]);
    size = (size_t)(at - link->body);
    put_32(at, crc32(link->body, size));
    link->out[0] = 0;
    size = encode(link->body, size + CRC, link->out + 1);
    link->rx_told = link->rx_taken;
    return flags ? put(link, link->out, size + 1) : put(link, link->out + 1, size);
}

/* Every whole frame that the device has room for; the first one carries `flags`. */
static int send_ready(struct skw_link *link, uint8_t flags)
{
    int status;
    while (link->tx_next != link->tx_end) {
        uint16_t left = count(link->tx_end, link->tx_next);
        uint16_t n = left < link->frame_words ? left : link->frame_words;
        if (apart((uint16_t)(link->tx_next + n), link->tx_limit) > 0)
            break;
        if (apart(link->tx_next, link->tx_high) < 0)
            link->repeated++;
        if ((status = send_frame(link, flags, link->tx_next, n)) != SKW_OK)
            return status;
        flags = 0;
        link->tx_next = (uint16_t)(link->tx_next + n);
        if (apart(link->tx_next, link->tx_high) > 0)
            link->tx_high = link->tx_next;
    }
    return flags ? send_frame(link, flags, link->tx_next, 0) : SKW_OK;
}

/* A frame of the device is missing: ask once for each place; after that, patience does it. */
static int lost_something(struct skw_link *link)
{
    if (!link->open || (link->has_asked && link->asked == link->rx_next))
        return SKW_OK;
    link->has_asked = true;
    link->asked = link->rx_next;
    return send_frame(link, AGAIN, link->tx_next, 0);
}

/* ---- receiving */

static bool parse(const struct skw_link *link, size_t size, struct frame *frame)
{
    const uint8_t *at = link->body;
    if (size < DEVICE_HEADER + CRC || (size - DEVICE_HEADER - CRC) % 4 != 0)
        return false;
    if (crc32(at, size - CRC) != get_32(at + size - CRC) || at[0] & ~(OPEN | AGAIN))
        return false;
    frame->flags = at[0];
    frame->session = get_16(at + 1);
    frame->seq = get_16(at + 3);
    frame->ack = get_16(at + 5);
    frame->limit = get_16(at + 7);
    frame->words = at + DEVICE_HEADER;
    frame->n = (size - DEVICE_HEADER - CRC) / 4;
    return true;
}

static void welcome(struct skw_link *link, const struct frame *frame)
{
    uint32_t sizes = get_32(frame->words + 4), place = frame->n > 4 ? get_32(frame->words + 16) : 0;
    if (get_32(frame->words) != LINK_MAGIC)
        link->status = SKW_MAGIC;
    else if ((sizes & 0xff) != LINK_VERSION || frame->n < IDENTITY_WORDS)
        link->status = SKW_VERSION;
    else if (sizes >> 16 > SKW_LINK_WORDS)
        link->status = SKW_RANGE;
    else {
        link->frame_words = sizes >> 8 & 0xff;
        link->depth = (uint16_t)(sizes >> 16);
        link->kind = get_32(frame->words + 8);
        link->digest = get_32(frame->words + 12);
        link->unit = place & 0xff;
        link->units = place >> 8 & 0xff;
        link->rx_next = link->rx_taken = link->rx_told = frame->seq;
        link->tx_base = link->tx_next = link->tx_end = link->tx_high = frame->ack;
        link->tx_limit = frame->limit;
        link->open = true;
    }
}

static void acknowledged(struct skw_link *link, const struct frame *frame)
{
    uint16_t limit;
    if (count(frame->ack, link->tx_base) > count(link->tx_high, link->tx_base))
        return; /* an old frame, come twice */
    if (frame->ack != link->tx_base)
        link->has_gone_back = false;
    link->tx_base = frame->ack;
    if (apart(link->tx_next, link->tx_base) < 0)
        link->tx_next = link->tx_base;
    limit = frame->limit;
    if (apart(limit, link->tx_limit) > 0)
        link->tx_limit = limit;
    if (frame->flags & AGAIN && link->tx_next != link->tx_base &&
        !(link->has_gone_back && link->went_back == link->tx_base)) {
        link->has_gone_back = true;
        link->went_back = link->tx_base;
        link->tx_next = link->tx_base;
    }
}

static int take_words(struct skw_link *link, const struct frame *frame)
{
    int gap = apart(frame->seq, link->rx_next);
    size_t i;
    if (gap > 0)
        return lost_something(link);
    for (i = (size_t)-gap; i < frame->n && count(link->rx_next, link->rx_taken) < SKW_LINK_WORDS; i++) {
        link->rx[SLOT(link->rx_next)] = get_32(frame->words + 4 * i);
        link->rx_next++;
    }
    return SKW_OK;
}

/* A frame of another session: late, or a sign that ours has ended. Ask, to hear which. */
static int stranger_came(struct skw_link *link, uint16_t session)
{
    if (!link->open)
        return SKW_OK;
    link->strangers = session == link->stranger ? (uint16_t)(link->strangers + 1) : 1;
    link->stranger = session;
    return link->strangers >= STRANGERS ? SKW_TAKEN : send_frame(link, AGAIN, link->tx_next, 0);
}

static int handle_raw(struct skw_link *link)
{
    struct frame frame;
    size_t size;
    bool sound = !link->overlong && decode(link->raw, link->filled, link->body, &size) && parse(link, size, &frame);
    link->filled = 0;
    link->overlong = false;
    if (!sound) {
        link->damaged++;
        return lost_something(link);
    }
    if (frame.session != link->session)
        return stranger_came(link, frame.session);
    link->heard = now(link);
    link->strangers = 0;
    if (!link->open) {
        if (frame.flags & OPEN && frame.n >= 2)
            welcome(link, &frame);
        return link->status;
    }
    acknowledged(link, &frame);
    return frame.flags & OPEN ? SKW_OK : take_words(link, &frame);
}

/* Take in what comes within `ms`. */
static int serve(struct skw_link *link, uint32_t ms)
{
    uint8_t bytes[64];
    size_t got = 0, i;
    int status;
    if (link->line.read(link->line.context, bytes, sizeof bytes, ms, &got) != 0)
        return SKW_IO;
    for (i = 0; i < got; i++) {
        if (bytes[i] != 0) {
            if (link->filled < SKW_LINK_BYTES)
                link->raw[link->filled++] = bytes[i];
            else
                link->overlong = true;
        } else if (link->filled > 0 && (status = handle_raw(link)) != SKW_OK) {
            return status;
        }
    }
    return SKW_OK;
}

/* ---- waiting */

enum waits { FOR_ROOM, FOR_SENT, FOR_ACK, FOR_WORD };

static bool done(const struct skw_link *link, enum waits what)
{
    switch (what) {
    case FOR_ROOM: return count(link->tx_end, link->tx_base) < SKW_LINK_WORDS;
    case FOR_SENT: return link->tx_next == link->tx_end;
    case FOR_ACK: return link->tx_base == link->tx_end;
    default: return link->rx_next != link->rx_taken;
    }
}

/* Serve until it is so. Asks again whenever nothing moves. */
static int wait_for(struct skw_link *link, enum waits what)
{
    uint32_t quiet = now(link), moved = quiet;
    uint16_t base = link->tx_base, limit = link->tx_limit, next = link->rx_next;
    int status = link->status;
    link->heard = quiet;
    while (status == SKW_OK) {
        if ((status = send_ready(link, 0)) != SKW_OK || done(link, what))
            break;
        if ((status = serve(link, SLICE)) != SKW_OK)
            break;
        if (base != link->tx_base || limit != link->tx_limit || next != link->rx_next) {
            base = link->tx_base;
            limit = link->tx_limit;
            next = link->rx_next;
            quiet = moved = now(link);
        } else if (now(link) - quiet >= link->patience) {
            link->tx_next = link->tx_base;
            status = send_ready(link, AGAIN);
            quiet = now(link);
        }
        if (status == SKW_OK && (now(link) - link->heard > link->give_up || now(link) - moved > STUCK + link->give_up))
            status = SKW_SILENT;
    }
    return link->status = status;
}

static int write_words(void *context, const uint32_t *words, size_t n)
{
    struct skw_link *link = context;
    size_t i;
    for (i = 0; i < n; i++) {
        if (!done(link, FOR_ROOM) && wait_for(link, FOR_ROOM) != SKW_OK)
            return link->status;
        link->tx[SLOT(link->tx_end)] = words[i];
        link->tx_end++;
        if (count(link->tx_end, link->tx_next) >= link->frame_words && link->status == SKW_OK)
            link->status = send_ready(link, 0);
    }
    return link->status;
}

static int read_words(void *context, uint32_t *words, size_t n)
{
    struct skw_link *link = context;
    size_t i;
    for (i = 0; i < n; i++) {
        /* What was queued goes out first: frames are as full as they can be. */
        if ((link->tx_next != link->tx_end || !done(link, FOR_WORD)) && wait_for(link, FOR_WORD) != SKW_OK)
            return link->status;
        words[i] = link->rx[SLOT(link->rx_taken)];
        link->rx_taken++;
        if (count(link->rx_taken, link->rx_told) >= link->depth / 4)
            if ((link->status = send_frame(link, 0, link->tx_next, 0)) != SKW_OK)
                return link->status;
    }
    return link->status;
}

/* ---- opening */

/* Greet until the device answers in this session. */
static int greet(struct skw_link *link, uint32_t unit)
{
    uint32_t begin = now(link), hello = 14 * 4, asked;
    uint32_t retry = PATIENCE + (link->line.bytes_per_second ? hello * 1000 / link->line.bytes_per_second : 0);
    int status;
    link->open = link->has_asked = link->has_gone_back = link->overlong = false;
    link->filled = 0;
    link->strangers = 0;
    link->rx_taken = 0;
    while (now(link) - begin <= link->give_up) {
        if ((status = send_frame(link, OPEN, (uint16_t)unit, 0)) != SKW_OK)
            return status;
        for (asked = now(link); now(link) - asked < retry;) {
            if ((status = serve(link, SLICE)) != SKW_OK || link->open)
                return status;
        }
    }
    return SKW_SILENT;
}

/* A device that already was in a session of this number has not begun anew: take another number. */
static int handshake(struct skw_link *link, uint32_t unit)
{
    int status;
    do {
        link->session = link->session == 0xffff ? 1 : (uint16_t)(link->session + 1);
        if ((status = greet(link, unit)) != SKW_OK)
            return status;
    } while (link->rx_next != 0 || link->tx_base != 0 || (link->unit != unit && unit < link->units));
    return SKW_OK;
}

int skw_link_open(struct skw_link *link, struct skw_line line, uint32_t kind, uint32_t digest, uint16_t session)
{
    uint32_t unit = 0, on_line;
    bool seen = false;
    link->line = line;
    link->session = session;
    link->status = SKW_OK;
    link->damaged = link->repeated = 0;
    link->give_up = GIVE_UP;
    link->patience = PATIENCE;
    do {
        if ((link->status = handshake(link, unit)) != SKW_OK)
            return link->status;
        if (link->kind == kind && link->digest == digest) {
            /* Both rings, as frames, may lie on the line ahead of an answer. */
            on_line = line.bytes_per_second ? 12000u * link->depth / line.bytes_per_second : 0;
            link->patience += on_line;
            link->give_up += on_line;
            return SKW_OK;
        }
        seen = seen || link->kind == kind;
    } while (++unit < link->units);
    return link->status = seen ? SKW_DIGEST : SKW_MAGIC;
}

struct skw_port skw_link_port(struct skw_link *link)
{
    struct skw_port port;
    port.write = write_words;
    port.read = read_words;
    port.context = link;
    return port;
}

int skw_link_flush(struct skw_link *link)
{
    return wait_for(link, FOR_ACK);
}
