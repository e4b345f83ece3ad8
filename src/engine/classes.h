/*
 * Size classes: the block sizes that slabs are carved into.
 *
 * 8, then every 16 bytes up to 128, then eight steps to each doubling up to 64 KiB, so that from
 * 128 bytes on at most one byte in nine is waste. Each size is a multiple of 16 but the first.
 */
#ifndef SA_CLASSES_H
#define SA_CLASSES_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum {
  SA_CLASSES = 81,
  SA_SMALL = 1024,      /* up to here a table tells the class */
  SA_CLASS_MAX = 65536, /* the largest class; larger blocks have units of their own */
};

/* The class of each size up to SA_SMALL. */
extern const uint8_t sa_class_table[SA_SMALL + 1];

/* The same by calculation, for any size up to SA_CLASS_MAX. */
static inline unsigned
sa_class_of(size_t size)
{
  if (size <= 128)
    return size <= 8 ? 0 : (unsigned)(size + 15) / 16;
  unsigned log2 = 63 - (unsigned)__builtin_clzll(size - 1);
  return 9 + (log2 - 7) * 8 + (unsigned)((size - 1) >> (log2 - 3)) - 8;
}

static inline size_t
sa_class_size(unsigned class)
{
  if (class < 9)
    return class == 0 ? 8 : (size_t)class * 16;
  return (size_t)(9 + (class - 9) % 8) << (4 + (class - 9) / 8);
}

#pragma GCC visibility pop

#endif
