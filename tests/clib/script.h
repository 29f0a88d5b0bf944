/* Words to and from the test by stdin and stdout, four bytes each, the lowest first, or over the link, where an address
 * is given; numbers out of a file of text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skipwalk_tty.h"

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


/* The next number of the script; its end is 0. */
static long long number(FILE *script)
{
    long long value = 0;
    return fscanf(script, "%lld", &value) == 1 ? value : 0;
}

static struct skw_link LINK;
static struct skw_tty TTY;

static void check(int status)
{
    if (status != SKW_OK) {
        fprintf(stderr, "%d: %s\n", status, skw_message(status));
        exit(1);
    }
}

/* The port of the third argument, an address; without one, stdin and stdout. */
static struct skw_port open_port(int argc, char **argv, uint32_t kind, uint32_t digest)
{
    struct skw_port port = {write_words, read_words, NULL};
    struct skw_line line;
    if (argc < 4)
        return port;
    check(skw_tty_open(&TTY, &line, argv[3]));
    check(skw_link_open(&LINK, line, kind, digest, argc < 5 ? 1 : (uint16_t)atoi(argv[4])));
    return skw_link_port(&LINK);
}

static void close_port(int argc)
{
    if (argc < 4)
        return;
    check(skw_link_flush(&LINK));
    fprintf(stderr, "%lu damaged, %lu repeated\n", (unsigned long)LINK.damaged, (unsigned long)LINK.repeated);
    skw_tty_close(&TTY);
}
