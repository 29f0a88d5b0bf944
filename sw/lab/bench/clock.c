/* A chain of exclusive ors, each of which needs the one before it: one cycle each on every processor we know of. */
#include <stdint.h>

#define STEP                                                                                                           \
    x ^= y;                                                                                                            \
    __asm__ volatile("" : "+r"(x), "+r"(y));
#define STEPS_8 STEP STEP STEP STEP STEP STEP STEP STEP

uint64_t chain(int64_t steps, uint64_t x, uint64_t y)
{
    for (int64_t i = 0; i < steps; i += 64) {
        STEPS_8 STEPS_8 STEPS_8 STEPS_8 STEPS_8 STEPS_8 STEPS_8 STEPS_8
    }
    return x;
}
