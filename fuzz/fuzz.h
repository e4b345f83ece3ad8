/* What the targets share. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "units_in_use.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
must(bool holds, const char *what)
{
  if (holds)
    return;
  fprintf(stderr, "fuzz: not so: %s\n", what);
  abort();
}

#endif
