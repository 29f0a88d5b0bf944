/* A serial port, or a pseudo-terminal, as a line for skw_link_open. For systems with POSIX's termios. */
#ifndef SKIPWALK_TTY_H
#define SKIPWALK_TTY_H

#include "skipwalk_link.h"

struct skw_tty {
    int file;
};

/* Open an address as `skipwalk simulate` prints it: /dev/ttyUSB0, /dev/ttyUSB0@3000000 (bits a second, 1000000 without),
 * `serial:` ahead of it or not. A rate that termios does not know is not set: pseudo-terminals have none.
 * SKW_IO if it cannot be opened; errno says why. */
int skw_tty_open(struct skw_tty *tty, struct skw_line *line, const char *address);
void skw_tty_close(struct skw_tty *tty);

#endif
