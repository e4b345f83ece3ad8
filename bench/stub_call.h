/* The blocks of one remote call whose result is a linked structure, as its stub asks for them. */
#ifndef STUB_CALL_H
#define STUB_CALL_H

#include <stddef.h>

static const size_t stub_call_sizes[] = {
  96, 24, 40, 16, 24, 32, 12, 24, 40, 20,  24,  48, 9,  24, 33, 24,   24,
  64, 31, 24, 40, 17, 24, 32, 18, 24, 128, 512, 24, 40, 25, 24, 2048, 200,
};

enum { STUB_CALL_BLOCKS = sizeof stub_call_sizes / sizeof *stub_call_sizes };

#endif /* STUB_CALL_H */
