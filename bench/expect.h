/* What a benchmark's client asks of an answer: that it is right, or nothing was measured. */
#ifndef EXPECT_H
#define EXPECT_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void
expect(bool right)
{
  if (right)
    return;
  fprintf(stderr, "a wrong answer\n");
  exit(1);
}

#endif /* EXPECT_H */
