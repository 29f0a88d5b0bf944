/* Executes a script of commands on a Skip2-LoRA unit; what is read goes to a file. */
#include "script.h"
#include "core.h"

#define MOST 8192

static int32_t elements[MOST];
static uint16_t inputs[MOST];
static uint8_t labels[MOST];

static void take_inputs(FILE *script, size_t n)
{
    size_t i;
    for (i = 0; i < n * SKIPWALK_CORE.inputs; i++)
        inputs[i] = (uint16_t)number(script);
}

int main(int argc, char **argv)
{
    struct skw_lora unit;
    char word[32];
    FILE *script = fopen(argv[1], "r"), *found = fopen(argv[2], "w");
    size_t i, n;
    uint32_t a, b, c;
    if (script == NULL || found == NULL)
        return 2;
    check(skw_lora_open(&unit, &SKIPWALK_CORE, open_port(argc, argv, SKIPWALK_KIND, SKIPWALK_DIGEST)));
    while (fscanf(script, "%31s", word) == 1) {
        if (strcmp(word, "set") == 0) {
            a = (uint32_t)number(script);
            check(skw_lora_set(&unit, a, (uint32_t)number(script)));
        } else if (strcmp(word, "write") == 0) {
            a = (uint32_t)number(script);
            b = (uint32_t)number(script);
            n = (size_t)number(script);
            for (i = 0; i < n; i++)
                elements[i] = (int32_t)number(script);
            check(skw_lora_write(&unit, (enum skw_space)a, b, elements, n));
        } else if (strcmp(word, "load") == 0) {
            n = (size_t)number(script);
            for (i = 0; i < n; i++)
                labels[i] = (uint8_t)number(script);
            take_inputs(script, n);
            check(skw_lora_load(&unit, 0, inputs, labels, n));
        } else if (strcmp(word, "epochs") == 0) {
            struct skw_report report;
            a = (uint32_t)number(script);
            b = (uint32_t)number(script);
            c = (uint32_t)number(script);
            check(skw_lora_epochs(&unit, a, b, c, (uint64_t)number(script), 0));
            for (i = 0; i < b; i++) {
                check(skw_lora_report(&unit, &report));
                fprintf(found, "%lu\n%lu\n%llu\n", (unsigned long)report.samples, (unsigned long)report.correct,
                        (unsigned long long)report.loss);
            }
        } else if (strcmp(word, "cached") == 0) {
            a = (uint32_t)number(script);
            b = (uint32_t)number(script);
            check(skw_lora_learn_cached(&unit, a, b, number(script) != 0));
        } else if (strcmp(word, "learn") == 0) {
            a = (uint32_t)number(script);
            b = (uint32_t)number(script);
            c = (uint32_t)number(script);
            take_inputs(script, 1);
            check(skw_lora_learn(&unit, inputs, a, b, c != 0));
        } else if (strcmp(word, "outputs") == 0) {
            take_inputs(script, 1);
            check(skw_lora_outputs(&unit, inputs, elements));
            for (i = 0; i < SKIPWALK_CORE.classes; i++)
                fprintf(found, "%ld\n", (long)elements[i]);
        } else if (strcmp(word, "read") == 0) {
            check(skw_lora_flush(&unit));
            check(skw_lora_read(&unit, 0, elements, SKIPWALK_CORE.adapter_words));
            for (i = 0; i < (size_t)SKIPWALK_CORE.adapter_words * SKIPWALK_CORE.lanes; i++)
                fprintf(found, "%ld\n", (long)elements[i]);
        } else if (strcmp(word, "counter") == 0) {
            uint64_t value;
            check(skw_lora_counter(&unit, (uint32_t)number(script), &value));
            fprintf(found, "%llu\n", (unsigned long long)value);
            check(skw_lora_clear_counters(&unit));
        } else {
            return 3;
        }
    }
    fflush(stdout);
    close_port(argc);
    return fclose(found) == 0 ? 0 : 2;
}
