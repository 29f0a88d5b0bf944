/* A kernel as a program: reads its arrays from a file, calls it once, writes them all back.
 *
 * Compiled with -DOSELM, -DSGNS, -DSKIP or -DLORA_ALL: whose arguments the arrays are, in the order of the kernel's own.
 * A file is the number of arrays, then bytes and content of each; numbers are 64 bits wide.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 32

#if defined(OSELM)
void train(float *, float *, const int32_t *, const int64_t *, const int32_t *, const uint8_t *, int64_t, float, float,
           float);
#elif defined(SGNS)
void train(float *, float *, const float *, const int32_t *, const int64_t *, const int32_t *, int64_t, float);
#elif defined(SKIP)
void skip(const void *, void *, void *, void *, uint8_t *, void *const *, void *const *, void *const *, void *const *,
          const int32_t *, const int32_t *, int64_t, float, int);
#else
void lora_all(const void *, void *const *, void *const *, void *const *, void *const *, void *const *, const int32_t *,
              const int32_t *, int64_t, float);
#endif

static void *array[MOST];
static int64_t size[MOST];

static void call(void)
{
    void **a = array;
#if defined(OSELM)
    const int64_t *n = a[6];
    const float *parameter = a[7];
    train(a[0], a[1], a[2], a[3], a[4], a[5], *n, parameter[0], parameter[1], parameter[2]);
#elif defined(SGNS)
    const int64_t *n = a[6];
    const float *parameter = a[7];
    train(a[0], a[1], a[2], a[3], a[4], a[5], *n, *parameter);
#elif defined(SKIP)
    const int64_t *n = a[19];
    const float *rate = a[20];
    const int32_t *use_cache = a[21];
    skip(a[0], a[1], a[2], a[3], a[4], a + 5, a + 8, a + 11, a + 14, a[17], a[18], *n, *rate, *use_cache);
#else
    const int64_t *n = a[18];
    const float *rate = a[19];
    lora_all(a[0], a + 1, a + 4, a + 7, a + 10, a + 13, a[16], a[17], *n, *rate);
#endif
}

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

int main(int arguments, char **argument)
{
    int64_t n = 0;
    FILE *file = arguments == 3 ? fopen(argument[1], "rb") : NULL;
    if (!file || fread(&n, sizeof n, 1, file) != 1 || n < 0 || n > MOST) fail("usage: program IN OUT");
    for (int i = 0; i < n; i++) {
        if (fread(size + i, sizeof *size, 1, file) != 1) fail("no more arrays");
        array[i] = aligned_alloc(64, size[i] / 64 * 64 + 64);
        if (!array[i] || fread(array[i], 1, size[i], file) != (size_t)size[i]) fail("no more of an array");
    }
    fclose(file);
    call();
    file = fopen(argument[2], "wb");
    if (!file) fail("the arrays cannot be written");
    for (int i = 0; i < n; i++) fwrite(array[i], 1, size[i], file);
    return fclose(file) ? 1 : 0;
}
