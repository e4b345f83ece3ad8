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
  SA_SMALL = 1024,
  SA_CLASS_MAX = 65536, /* the largest class; larger blocks have units of their own */
};

/* The class of each size up to SA_SMALL; of larger sizes, the class of each full 128 bytes: from
 * there on, classes are at least as far apart. A load takes less time than the calculation. */
extern const uint8_t sa_small_classes[SA_SMALL + 1];
extern const uint8_t sa_larger_classes[SA_CLASS_MAX / 128 + 1];

static inline unsigned
sa_small_class(size_t size)
{
  return sa_small_classes[size];
}

static inline unsigned
sa_larger_class(size_t size)
{
  return sa_larger_classes[(size + 127) / 128];
}

static inline unsigned
sa_class_of(size_t size)
{
  return size <= SA_SMALL ? sa_small_class(size) : sa_larger_class(size);
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
