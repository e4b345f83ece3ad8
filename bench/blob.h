/* A blob that is handed over, as those that do it take it. */
#ifndef BLOB_H
#define BLOB_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOB_WORKLOAD "blob "

/* Of the workload "blob BYTES"; 0: it is another one. */
static inline size_t
blob_size(const char *workload)
{
  return strncmp(workload, BLOB_WORKLOAD, strlen(BLOB_WORKLOAD)) == 0
           ? strtoull(workload + strlen(BLOB_WORKLOAD), NULL, 10)
           : 0;
}

/* Their sum, which the compiler must not leave out. */
static inline uint64_t
read_all_bytes(const void *bytes, size_t size)
{
  uint64_t sum = 0;
  for (size_t at = 0; at + sizeof sum <= size; at += sizeof sum) {
    uint64_t word;
    memcpy(&word, (const char *)bytes + at, sizeof word);
    sum += word;
  }
#ifdef __GNUC__
  __asm__ volatile("" : "+r"(sum));
#endif
  return sum;
}

#endif /* BLOB_H */
