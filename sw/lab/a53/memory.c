/* What the caches of a Cortex-A53 would miss, counted while a kernel runs.
 *
 * A kernel that is compiled with -fsanitize=thread calls one of these functions at each access to memory that others
 * may see; variables that stay in its own frame are left out, and are always in the first cache. Three tables of least
 * recently used lines: the first data cache, the second cache, and the first level of address translation. At the end a
 * line with accesses and the misses of each is printed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE 6  /* bits of a place in a line: 64 bytes */
#define PAGE 12 /* of a place in a page */

/* -DL1_SETS= etc. */
static uint64_t first[L1_SETS][L1_WAYS], second[L2_SETS][L2_WAYS], pages[1][TLB_ENTRIES];
static uint64_t accesses, misses[3];

/* Whether `key` was there; it becomes the first of its set. Keys are not 0. */
static int found(uint64_t *set, int ways, uint64_t key)
{
    int i = 0;
    while (i < ways - 1 && set[i] != key) i++;
    const int there = set[i] == key;
    for (; i > 0; i--) set[i] = set[i - 1];
    set[0] = key;
    return there;
}

static void touch(uintptr_t address, uint64_t bytes)
{
    for (uint64_t line = address >> LINE; line <= (address + bytes - 1) >> LINE; line++) {
        accesses++;
        if (!found(pages[0], TLB_ENTRIES, line >> (PAGE - LINE))) misses[2]++;
        if (found(first[line % L1_SETS], L1_WAYS, line)) continue;
        misses[0]++;
        if (!found(second[line % L2_SETS], L2_WAYS, line)) misses[1]++;
    }
}

#define HOOKS(n)                                                                                                       \
    void __tsan_read##n(void *address) { touch((uintptr_t)address, n); }                                               \
    void __tsan_write##n(void *address) { touch((uintptr_t)address, n); }                                              \
    void __tsan_unaligned_read##n(void *address) { touch((uintptr_t)address, n); }                                     \
    void __tsan_unaligned_write##n(void *address) { touch((uintptr_t)address, n); }
HOOKS(1) HOOKS(2) HOOKS(4) HOOKS(8) HOOKS(16)

void __tsan_read_range(void *address, uint64_t bytes) { touch((uintptr_t)address, bytes); }
void __tsan_write_range(void *address, uint64_t bytes) { touch((uintptr_t)address, bytes); }
void __tsan_func_entry(void *caller) { (void)caller; }
void __tsan_func_exit(void) {}
void __tsan_init(void) {}

__attribute__((destructor)) static void report(void)
{
    printf("%llu %llu %llu %llu\n", (unsigned long long)accesses, (unsigned long long)misses[0],
           (unsigned long long)misses[1], (unsigned long long)misses[2]);
}
