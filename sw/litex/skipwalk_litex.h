/* The port between the driver in C and a core in a LiteX SoC, where it is called skipwalk (skipwalk.sw.litex). */
#ifndef SKIPWALK_LITEX_H
#define SKIPWALK_LITEX_H

#include "skipwalk.h"

struct skw_litex {
    size_t by_dma;                /* so many words and more go and come by DMA; 0: all by CSR */
    void (*wait)(void);           /* called again and again while something is awaited; NULL: it is polled */
    volatile uint32_t interrupts; /* how many skw_litex_isr has taken */
};

/* Reset the core, which keeps its memories, and empty the FIFOs: end what an earlier program left. */
void skw_litex_reset(void);

/* Words by CSR and by DMA. DMA wants what the driver is given, and the stack, in memory that the bus reaches, and a
 * processor whose data cache writes through, as that of VexRiscv: it is flushed after words have come. */
struct skw_port skw_litex_port(struct skw_litex *core);

/* To be called by the interrupt SKIPWALK_INTERRUPT. It masks what has come; the port enables it before it waits. The
 * interrupt may come before `wait` is called: a semaphore that it gives and `wait` takes is right, sleeping is not. */
void skw_litex_isr(struct skw_litex *core);

#endif
