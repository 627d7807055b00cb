/* Checksums of 32 bits. */
#ifndef SUMS_H
#define SUMS_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t (*sum)(const char *bytes, size_t size);

/* The function of this name, `crc32` or `fnv1a`; NULL if there is none. */
sum sum_named(const char *name);

#endif
