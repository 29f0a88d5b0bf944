/* Stands for LiteX's system.h and generated/csr.h. */
#ifndef LITEX_FAKE_H
#define LITEX_FAKE_H

#include <stdint.h>

#define flush_cpu_dcache()

uint32_t skipwalk_levels_read(void);
void skipwalk_words_write(uint32_t word);
uint32_t skipwalk_words_read(void);
void skipwalk_core_control_write(uint32_t reset);
void skipwalk_hold_write(uint32_t on);
void skipwalk_ev_enable_write(uint32_t events);
uint32_t skipwalk_ev_status_read(void);
void skipwalk_reader_base_write(uint64_t at);
void skipwalk_reader_length_write(uint32_t bytes);
void skipwalk_reader_enable_write(uint32_t on);
void skipwalk_writer_base_write(uint64_t at);
void skipwalk_writer_length_write(uint32_t bytes);
void skipwalk_writer_enable_write(uint32_t on);

/* What skipwalk_ev_enable_write was called with last. */
uint32_t fake_enabled(void);

#endif
