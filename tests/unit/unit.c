/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <string.h>

unsigned
count_lines(const char *text)
{
  unsigned lines = 0;
  while (*text) {
    lines++;
    text += strcspn(text, "\n");
    text += *text == '\n';
  }
  return lines;
}

static unsigned char
pattern(size_t at, unsigned seed)
{
  return (unsigned char)(at * 7 + at / 251 + seed * 31 + 1);
}

void
fill(void *block, size_t size, unsigned seed)
{
  unsigned char *bytes = block;
  for (size_t i = 0; i < size; i++)
    bytes[i] = pattern(i, seed);
}

int
is_filled(const void *block, size_t size, unsigned seed)
{
  const unsigned char *bytes = block;
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != pattern(i, seed))
      return 0;
  return 1;
}
