/* What both units' drivers share; not for users. */
#ifndef SKIPWALK_WORDS_H
#define SKIPWALK_WORDS_H

#include "skipwalk.h"

/* Headers: the opcode is in the upper four bits. These have the same number in both units. */
enum { SKW_INFO = 1, SKW_SET = 2, SKW_GET = 3, SKW_CLEAR = 4, SKW_FLUSH = 10 };
#define SKW_HEADER(opcode, argument) ((uint32_t)(opcode) << 28 | (uint32_t)(argument))

int skw_send(const struct skw_port *port, const uint32_t *words, size_t n);
int skw_receive(const struct skw_port *port, uint32_t *words, size_t n);

/* One word, or two. */
int skw_send_1(const struct skw_port *port, uint32_t word);
int skw_send_2(const struct skw_port *port, uint32_t first, uint32_t second);

/* Elements of 1 to 32 bits, packed: the first one lowest, across words, the last one filled with zeros. */
int skw_send_packed(const struct skw_port *port, const int32_t *elements, size_t n, uint32_t bits);
int skw_receive_packed(const struct skw_port *port, int32_t *elements, size_t n, uint32_t bits);

/* The signed number in the low bits of a word. */
int32_t skw_signed(uint32_t word, uint32_t bits);

/* INFO: magic, version and digest have to be these; three more words follow and are dropped. */
int skw_identify(const struct skw_port *port, uint32_t magic, uint32_t version, uint32_t digest);
int skw_get(const struct skw_port *port, uint32_t counter, uint64_t *value);

/* FLUSH with that argument: wait for its header. */
int skw_barrier(const struct skw_port *port, uint32_t argument);

#endif
