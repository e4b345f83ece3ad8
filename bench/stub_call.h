/* The blocks of one remote call whose result is a linked structure, as its stub asks for them. */
#ifndef STUB_CALL_H
#define STUB_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const size_t stub_call_sizes[] = {
  96, 24, 40, 16, 24, 32, 12, 24, 40, 20,  24,  48, 9,  24, 33, 24,   24,
  64, 31, 24, 40, 17, 24, 32, 18, 24, 128, 512, 24, 40, 25, 24, 2048, 200,
};

enum { STUB_CALL_BLOCKS = sizeof stub_call_sizes / sizeof *stub_call_sizes };

/* The workloads by name: a byte of each block is written; each block is, in full; a byte of each is, and
 * then every second block is freed by itself before the call ends. */
#define STUB_CALL "stub-call"
#define STUB_CALL_WRITTEN "stub-call written"
#define STUB_CALL_HALVED "stub-call halved"

/* Takes a block as it comes from the allocator; the compiler must not leave out what is not used. */
static inline void *
stub_call_block(void *block, size_t i, bool written)
{
  if (written)
    memset(block, 1, stub_call_sizes[i]);
  else
    *(char *)block = 1;
#ifdef __GNUC__
  __asm__ volatile("" : "+r"(block));
#endif
  return block;
}

#endif /* STUB_CALL_H */
