/* Words to and from the test by stdin and stdout, four bytes each, the lowest first; numbers out of a file of text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skipwalk.h"

static int write_words(void *context, const uint32_t *words, size_t n)
{
    size_t i;
    (void)context;
    for (i = 0; i < n; i++) {
        unsigned char bytes[4];
        bytes[0] = words[i] & 0xff;
        bytes[1] = words[i] >> 8 & 0xff;
        bytes[2] = words[i] >> 16 & 0xff;
        bytes[3] = words[i] >> 24 & 0xff;
        if (fwrite(bytes, 1, 4, stdout) != 4)
            return 1;
    }
    return 0;
}

static int read_words(void *context, uint32_t *words, size_t n)
{
    size_t i;
    (void)context;
    if (fflush(stdout) != 0)
        return 1;
    for (i = 0; i < n; i++) {
        unsigned char b[4];
        if (fread(b, 1, 4, stdin) != 4)
            return 1;
        words[i] = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    }
    return 0;
}

static const struct skw_port PORT = {write_words, read_words, NULL};

/* The next number of the script; its end is 0. */
static long long number(FILE *script)
{
    long long value = 0;
    return fscanf(script, "%lld", &value) == 1 ? value : 0;
}

static void check(int status)
{
    if (status != SKW_OK) {
        fprintf(stderr, "%d: %s\n", status, skw_message(status));
        exit(1);
    }
}
