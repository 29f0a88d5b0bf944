#define _DEFAULT_SOURCE /* rates above 38400 */
#define _POSIX_C_SOURCE 200809L
#include "skipwalk_tty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const struct {
    unsigned long baud;
    speed_t speed;
} RATES[] = {
    {9600, B9600},
    {19200, B19200},
    {38400, B38400},
#ifdef B115200
    {57600, B57600},
    {115200, B115200},
    {230400, B230400},
#endif
#ifdef B3000000
    {460800, B460800},
    {921600, B921600},
    {1000000, B1000000},
    {2000000, B2000000},
    {3000000, B3000000},
#endif
};

static int write_bytes(void *context, const uint8_t *bytes, size_t n)
{
    const struct skw_tty *tty = context;
    while (n > 0) {
        ssize_t sent = write(tty->file, bytes, n);
        if (sent < 0 && errno != EINTR)
            return 1;
        if (sent > 0) {
            bytes += sent;
            n -= (size_t)sent;
        }
    }
    return 0;
}

static int read_bytes(void *context, uint8_t *bytes, size_t most, uint32_t ms, size_t *got)
{
    const struct skw_tty *tty = context;
    struct pollfd waits;
    ssize_t n;
    int ready;
    waits.fd = tty->file;
    waits.events = POLLIN;
    *got = 0;
    ready = poll(&waits, 1, (int)ms);
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return 0;
    if (ready < 0 || !(waits.revents & POLLIN))
        return 1;
    n = read(tty->file, bytes, most);
    if (n <= 0)
        return n < 0 && errno == EINTR ? 0 : 1;
    *got = (size_t)n;
    return 0;
}

static uint32_t milliseconds(void *context)
{
    struct timespec time;
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint32_t)((uint64_t)time.tv_sec * 1000u + (uint64_t)time.tv_nsec / 1000000u);
}

int skw_tty_open(struct skw_tty *tty, struct skw_line *line, const char *address)
{
    char path[256];
    const char *at;
    size_t length, i;
    unsigned long baud = 1000000;
    struct termios settings;
    speed_t speed;
    if (strncmp(address, "serial:", 7) == 0)
        address += 7;
    at = strrchr(address, '@');
    length = at == NULL ? strlen(address) : (size_t)(at - address);
    if (at != NULL)
        baud = strtoul(at + 1, NULL, 10);
    if (length == 0 || length >= sizeof path || baud == 0) {
        errno = EINVAL;
        return SKW_IO;
    }
    memcpy(path, address, length);
    path[length] = '\0';
    tty->file = open(path, O_RDWR | O_NOCTTY);
    if (tty->file < 0)
        return SKW_IO;
    if (tcgetattr(tty->file, &settings) != 0) {
        skw_tty_close(tty);
        return SKW_IO;
    }
    speed = cfgetospeed(&settings);
    for (i = 0; i < sizeof RATES / sizeof *RATES; i++)
        if (RATES[i].baud == baud)
            speed = RATES[i].speed;
    settings.c_iflag = 0;
    settings.c_oflag = 0;
    settings.c_lflag = 0;
    settings.c_cflag = CS8 | CREAD | CLOCAL;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    cfsetispeed(&settings, speed);
    cfsetospeed(&settings, speed);
    if (tcsetattr(tty->file, TCSANOW, &settings) != 0) {
        skw_tty_close(tty);
        return SKW_IO;
    }
    tcflush(tty->file, TCIOFLUSH);
    line->write = write_bytes;
    line->read = read_bytes;
    line->clock = milliseconds;
    line->context = tty;
    line->bytes_per_second = (uint32_t)(baud / 10);
    return SKW_OK;
}

void skw_tty_close(struct skw_tty *tty)
{
    close(tty->file);
}
