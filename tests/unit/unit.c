/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
is_hardened(void)
{
  const char *options = getenv("STUBALLOC");
#ifdef SA_HARDENED
  return !options || !strstr(options, "hardened=off");
#else
  return options && strstr(options, "hardened=on");
#endif
}

bool
says_why(const char *text, const char *why)
{
  const char *name = strstr(why, " (scope ");
  char        reason[100];
  snprintf(reason, sizeof reason, "%.*s", name ? (int)(name - why) : (int)strlen(why), why);
  const char *said = strstr(text, reason);
  if (said && name && !is_hardened())
    return strncmp(said + strlen(reason), name, strlen(name)) == 0;
  return said && (!name || strstr(said, name));
}

const char *
why_large_is_free(void)
{
  return is_hardened() ? "this block is free already"
                       : "stuballoc did not give it out, or it was freed before";
}

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

/* A pattern consists of rows, in which each byte is STEP more than the one before. They are copied and
 * compared as a whole: byte by byte would take most of the time of tests under sanitizers. */
enum { BYTES = 256, ROW = 251, STEP = 7, INVERSE = 183 };
_Static_assert(STEP *INVERSE % BYTES == 1, "so that a row may start with any byte");

static unsigned char ramp[BYTES + ROW];

static SA_ATTRIBUTE(constructor) void make_ramp(void)
{
  for (unsigned i = 0; i < sizeof ramp; i++)
    ramp[i] = (unsigned char)(STEP * i);
}

/* The row of that number, which starts with a byte of its own. */
static const unsigned char *
row(size_t number, unsigned seed)
{
  size_t first = number * (ROW * STEP + 1) + seed * 31 + 1;
  return &ramp[first * INVERSE % BYTES];
}

static size_t
row_length(size_t size, size_t at)
{
  return size - at < ROW ? size - at : ROW;
}

void
fill(void *block, size_t size, unsigned seed)
{
  for (size_t at = 0; at < size; at += ROW)
    memcpy((char *)block + at, row(at / ROW, seed), row_length(size, at));
}

int
is_filled(const void *block, size_t size, unsigned seed)
{
  for (size_t at = 0; at < size; at += ROW)
    if (memcmp((const char *)block + at, row(at / ROW, seed), row_length(size, at)) != 0)
      return 0;
  return 1;
}
