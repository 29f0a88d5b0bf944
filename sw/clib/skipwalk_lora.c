#include "skipwalk_words.h"

enum { MAGIC = 0x534b4c31, VERSION = 2 };
enum { WRITE = 5, READ = 6, FORGET = 7, LOAD = 8, SAMPLE = 9, EPOCHS = 11 };
enum { RATE = 0, SHIFT_1 = 1, KEY_HIGH = 5, KEY_LOW = 6, EPOCH = 7, PARAMETERS = 8 };
enum { CACHE = 0, INPUT = 1 };
#define TRAINS ((uint32_t)1 << 25)
#define ENDS_BATCH ((uint32_t)1 << 24)

int skw_lora_open(struct skw_lora *unit, const struct skw_lora_config *config, struct skw_port port)
{
    int status;
    unit->port = port;
    unit->config = config;
    status = skw_identify(&unit->port, MAGIC, VERSION, config->digest);
    return status == SKW_OK ? skw_lora_forget(unit) : status;
}

int skw_lora_set(struct skw_lora *unit, uint32_t parameter, uint32_t value)
{
    return parameter < PARAMETERS ? skw_send_2(&unit->port, SKW_HEADER(SKW_SET, parameter), value) : SKW_RANGE;
}

int skw_lora_write(struct skw_lora *unit, enum skw_space space, uint32_t first, const int32_t *elements, size_t n)
{
    const struct skw_lora_config *config = unit->config;
    size_t wide = space == SKW_BIASES ? 1 : config->lanes, room;
    int status;
    if ((unsigned)space > SKW_SIGNS || (size_t)first * wide > config->elements[space])
        return SKW_RANGE;
    room = config->elements[space] - (size_t)first * wide;
    if (n > room || n % wide != 0)
        return SKW_RANGE;
    status = skw_send_2(&unit->port, SKW_HEADER(WRITE, (uint32_t)space << 26 | first), (uint32_t)n);
    return status == SKW_OK ? skw_send_packed(&unit->port, elements, n, config->bits[space]) : status;
}

int skw_lora_read(struct skw_lora *unit, uint32_t first, int32_t *elements, size_t words)
{
    const struct skw_lora_config *config = unit->config;
    int status;
    if (first > config->adapter_words || words > config->adapter_words - first)
        return SKW_RANGE;
    if ((status = skw_send_2(&unit->port, SKW_HEADER(READ, first), (uint32_t)words)) != SKW_OK)
        return status;
    return skw_receive_packed(&unit->port, elements, words * config->lanes, config->bits[SKW_ADAPTERS]);
}

int skw_lora_forget(struct skw_lora *unit)
{
    return skw_send_1(&unit->port, SKW_HEADER(FORGET, 0));
}

/* An input, with zeros up to whole words of `lanes`. */
static int send_input(struct skw_lora *unit, const uint16_t *input)
{
    const struct skw_lora_config *config = unit->config;
    uint32_t per_word = 32 / config->x_bits, mask = ((uint32_t)1 << config->x_bits) - 1, word, i, j;
    int status;
    for (i = 0; i < config->x_chunks * config->lanes; i += per_word) {
        word = 0;
        for (j = 0; j < per_word && i + j < config->inputs; j++)
            word |= (input[i + j] & mask) << j * config->x_bits;
        if ((status = skw_send_1(&unit->port, word)) != SKW_OK)
            return status;
    }
    return SKW_OK;
}

int skw_lora_load(struct skw_lora *unit, uint32_t first, const uint16_t *inputs, const uint8_t *labels, size_t n)
{
    const struct skw_lora_config *config = unit->config;
    uint32_t word;
    size_t i, j;
    int status;
    if (first > config->cache_samples || n > config->cache_samples - first)
        return SKW_RANGE;
    for (i = 0; i < n; i++)
        if (labels[i] >= config->classes)
            return SKW_RANGE;
    if ((status = skw_send_2(&unit->port, SKW_HEADER(LOAD, first), (uint32_t)n)) != SKW_OK)
        return status;
    for (i = 0; i < n; i += 8) {
        word = 0;
        for (j = 0; j < 8 && i + j < n; j++)
            word |= (uint32_t)labels[i + j] << 4 * j;
        if ((status = skw_send_1(&unit->port, word)) != SKW_OK)
            return status;
        for (j = 0; j < 8 && i + j < n; j++)
            if ((status = send_input(unit, inputs + (i + j) * config->inputs)) != SKW_OK)
                return status;
    }
    return SKW_OK;
}

int skw_lora_epochs(struct skw_lora *unit, uint32_t n, uint32_t epochs, uint32_t batch, uint64_t key, uint32_t first)
{
    int status;
    if (n < 1 || n > unit->config->cache_samples || epochs > 0xffff || batch < 1 || batch > 0xffff)
        return SKW_RANGE;
    if ((status = skw_lora_set(unit, KEY_HIGH, (uint32_t)(key >> 32))) != SKW_OK)
        return status;
    if ((status = skw_lora_set(unit, KEY_LOW, (uint32_t)key)) != SKW_OK)
        return status;
    if ((status = skw_lora_set(unit, EPOCH, first)) != SKW_OK)
        return status;
    return skw_send_2(&unit->port, SKW_HEADER(EPOCHS, n), batch << 16 | epochs);
}

int skw_lora_report(struct skw_lora *unit, struct skw_report *report)
{
    uint32_t words[4];
    int status;
    if ((status = skw_receive(&unit->port, words, 4)) != SKW_OK)
        return status;
    report->samples = words[0];
    report->correct = words[1];
    report->loss = (uint64_t)words[3] << 32 | words[2];
    return SKW_OK;
}

int skw_lora_learn_cached(struct skw_lora *unit, uint32_t number, uint32_t label, bool ends_batch)
{
    uint32_t fields = TRAINS | (ends_batch ? ENDS_BATCH : 0) | label << 20 | number;
    if (number >= unit->config->cache_samples || label >= unit->config->classes)
        return SKW_RANGE;
    return skw_send_1(&unit->port, SKW_HEADER(SAMPLE, (uint32_t)CACHE << 26 | fields));
}

int skw_lora_learn(struct skw_lora *unit, const uint16_t *input, uint32_t number, uint32_t label, bool ends_batch)
{
    uint32_t fields = (uint32_t)INPUT << 26 | TRAINS | (ends_batch ? ENDS_BATCH : 0) | label << 20 | number;
    int status;
    if (number > SKW_NOT_KEPT || label >= unit->config->classes)
        return SKW_RANGE;
    status = skw_send_1(&unit->port, SKW_HEADER(SAMPLE, fields));
    return status == SKW_OK ? send_input(unit, input) : status;
}

int skw_lora_outputs(struct skw_lora *unit, const uint16_t *input, int32_t *outputs)
{
    uint32_t i, word;
    int status;
    if ((status = skw_send_1(&unit->port, SKW_HEADER(SAMPLE, (uint32_t)INPUT << 26 | SKW_NOT_KEPT))) != SKW_OK)
        return status;
    if ((status = send_input(unit, input)) != SKW_OK)
        return status;
    /* The outputs of a sample come when it is followed by another command. */
    if ((status = skw_send_1(&unit->port, SKW_HEADER(SKW_FLUSH, 0))) != SKW_OK)
        return status;
    for (i = 0; i < unit->config->classes; i++) {
        if ((status = skw_receive(&unit->port, &word, 1)) != SKW_OK)
            return status;
        outputs[i] = skw_signed(word, unit->config->y_bits);
    }
    if ((status = skw_receive(&unit->port, &word, 1)) != SKW_OK)
        return status;
    return word == SKW_HEADER(SKW_FLUSH, 0) ? SKW_OK : SKW_ANSWER;
}

int skw_lora_flush(struct skw_lora *unit)
{
    return skw_barrier(&unit->port, 0);
}

int skw_lora_counter(struct skw_lora *unit, uint32_t counter, uint64_t *value)
{
    return counter < unit->config->counters ? skw_get(&unit->port, counter, value) : SKW_RANGE;
}

int skw_lora_clear_counters(struct skw_lora *unit)
{
    return skw_send_1(&unit->port, SKW_HEADER(SKW_CLEAR, 0));
}
