#include "skipwalk_words.h"

const char *skw_message(int status)
{
    switch (status) {
    case SKW_OK: return "no error";
    case SKW_IO: return "words could not be carried to the core or back";
    case SKW_MAGIC: return "this is not the unit that the driver is for";
    case SKW_VERSION: return "the core speaks another version of the words; export core and driver again";
    case SKW_DIGEST: return "the core has another configuration; take the header that was exported with it";
    case SKW_RANGE: return "an argument is out of the core's range";
    case SKW_ANSWER: return "the core answered something else than was asked for; reset it";
    case SKW_SILENT: return "nobody answers over the link, or the core has stopped; check power, cable and bit rate";
    case SKW_TAKEN: return "the device has restarted, or someone else has opened it; open it again";
    default: return "unknown status";
    }
}

/* A link says more than that it failed. */
static int carried(int status)
{
    return status == SKW_OK || status == SKW_SILENT || status == SKW_TAKEN ? status : SKW_IO;
}

int skw_send(const struct skw_port *port, const uint32_t *words, size_t n)
{
    return carried(port->write(port->context, words, n));
}

int skw_receive(const struct skw_port *port, uint32_t *words, size_t n)
{
    return carried(port->read(port->context, words, n));
}

int skw_send_1(const struct skw_port *port, uint32_t word)
{
    return skw_send(port, &word, 1);
}

int skw_send_2(const struct skw_port *port, uint32_t first, uint32_t second)
{
    uint32_t words[2];
    words[0] = first;
    words[1] = second;
    return skw_send(port, words, 2);
}

static uint32_t low_bits(uint32_t bits)
{
    return bits < 32 ? ((uint32_t)1 << bits) - 1 : UINT32_MAX;
}

int32_t skw_signed(uint32_t word, uint32_t bits)
{
    uint32_t sign = (uint32_t)1 << (bits - 1);
    int64_t value = word & low_bits(bits);
    return (int32_t)(value & sign ? value - ((int64_t)sign << 1) : value);
}

/* Words that go or come at once. */
#define CHUNK 32

int skw_send_packed(const struct skw_port *port, const int32_t *elements, size_t n, uint32_t bits)
{
    uint32_t words[CHUNK], filled = 0;
    uint64_t held = 0;
    size_t i, whole = 0;
    int status;
    for (i = 0; i < n; i++) {
        held |= (uint64_t)((uint32_t)elements[i] & low_bits(bits)) << filled;
        filled += bits;
        if (filled >= 32) {
            words[whole++] = (uint32_t)held;
            held >>= 32;
            filled -= 32;
        }
        if (whole == CHUNK) {
            if ((status = skw_send(port, words, whole)) != SKW_OK)
                return status;
            whole = 0;
        }
    }
    if (filled > 0)
        words[whole++] = (uint32_t)held;
    return whole > 0 ? skw_send(port, words, whole) : SKW_OK;
}

int skw_receive_packed(const struct skw_port *port, int32_t *elements, size_t n, uint32_t bits)
{
    uint32_t words[CHUNK], filled = 0;
    uint64_t held = 0;
    size_t i, at = 0, have = 0, left = (size_t)(((uint64_t)n * bits + 31) / 32);
    int status;
    for (i = 0; i < n; i++) {
        if (filled < bits) {
            if (at == have) {
                have = left < CHUNK ? left : CHUNK;
                if ((status = skw_receive(port, words, have)) != SKW_OK)
                    return status;
                left -= have;
                at = 0;
            }
            held |= (uint64_t)words[at++] << filled;
            filled += 32;
        }
        elements[i] = skw_signed((uint32_t)held, bits);
        held >>= bits;
        filled -= bits;
    }
    return SKW_OK;
}

int skw_identify(const struct skw_port *port, uint32_t magic, uint32_t version, uint32_t digest)
{
    uint32_t found[6];
    int status;
    if ((status = skw_send_1(port, SKW_HEADER(SKW_INFO, 0))) != SKW_OK)
        return status;
    if ((status = skw_receive(port, found, 6)) != SKW_OK)
        return status;
    if (found[0] != magic)
        return SKW_MAGIC;
    if (found[1] != version)
        return SKW_VERSION;
    return found[2] == digest ? SKW_OK : SKW_DIGEST;
}

int skw_get(const struct skw_port *port, uint32_t counter, uint64_t *value)
{
    uint32_t words[2];
    int status;
    if ((status = skw_send_1(port, SKW_HEADER(SKW_GET, counter))) != SKW_OK)
        return status;
    if ((status = skw_receive(port, words, 2)) != SKW_OK)
        return status;
    *value = (uint64_t)words[1] << 32 | words[0];
    return SKW_OK;
}

int skw_barrier(const struct skw_port *port, uint32_t argument)
{
    uint32_t sent = SKW_HEADER(SKW_FLUSH, argument), got;
    int status;
    if ((status = skw_send_1(port, sent)) != SKW_OK)
        return status;
    if ((status = skw_receive(port, &got, 1)) != SKW_OK)
        return status;
    return got == sent ? SKW_OK : SKW_ANSWER;
}
