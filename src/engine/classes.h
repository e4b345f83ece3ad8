/*
 * Size classes: the block sizes that slabs are carved into.
 *
 * Every 16 bytes up to 128, then eight steps to each doubling up to 64 KiB, so that from 128 bytes
 * on at most one byte in nine is waste.
 */
#ifndef SA_CLASSES_H
#define SA_CLASSES_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum {
  SA_CLASSES = 80,
  SA_CLASS_MAX = 65536, /* the largest class; larger blocks have units of their own */
};

/* The class of each size up to SA_CLASS_MAX, by the number of 16-byte granules that it takes. */
struct sa_class_table {
  uint8_t class_of[SA_CLASS_MAX / 16 + 1];
};

void sa_class_table_fill(struct sa_class_table *table);

static inline size_t
sa_granules(size_t size)
{
  return (size + 15) / 16;
}

/* The same by calculation, where time does not matter. */
static inline unsigned
sa_class_of(size_t size)
{
  if (size <= 128)
    return size == 0 ? 0 : (unsigned)sa_granules(size) - 1;
  unsigned log2 = 63 - (unsigned)__builtin_clzll(size - 1);
  return 8 + (log2 - 7) * 8 + (unsigned)((size - 1) >> (log2 - 3)) - 8;
}

static inline size_t
sa_class_size(unsigned cls)
{
  if (cls < 8)
    return (size_t)(cls + 1) * 16;
  return (size_t)(9 + cls % 8) << (3 + cls / 8);
}

#pragma GCC visibility pop

#endif
