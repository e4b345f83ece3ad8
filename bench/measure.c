#include "measure.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLICES = 41 };

static const double slice_ns = 2e6;

static size_t exactly;

void
measure_exactly(size_t count)
{
  exactly = count;
}

static double
now(clockid_t clock)
{
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

void
measure_slice(const clockid_t *clocks, size_t n, measured *body, void *context, size_t count,
              double *took)
{
  for (size_t i = 0; i < n; i++)
    took[i] = -now(clocks[i]);
  body(context, count);
  for (size_t i = 0; i < n; i++)
    took[i] += now(clocks[i]);
}

static double
slice(clockid_t clock, measured *body, void *context, size_t count)
{
  double took;
  measure_slice(&clock, 1, body, context, count, &took);
  return took;
}

/* Not by one slice alone: what happens once, such as the start of another thread, or another program's
 * turn, would make a slice of a few times look long enough, and those be measured by the clock's steps. */
static bool
is_long_enough(clockid_t clock, measured *body, void *context, size_t count)
{
  enum { TRIES = 5 };
  for (unsigned i = 0; i < TRIES; i++)
    if (slice(clock, body, context, count) < slice_ns)
      return false;
  return true;
}

size_t
measure_count(clockid_t clock, measured *body, void *context)
{
  size_t count = 1;
  while (!is_long_enough(clock, body, context, count))
    count *= 2;
  return count;
}

static int
ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double
measure(clockid_t clock, measured *body, void *context)
{
  if (exactly)
    return slice(clock, body, context, exactly) / (double)exactly;

  size_t count = measure_count(clock, body, context);
  double slices[SLICES];
  for (int i = 0; i < SLICES; i++)
    slices[i] = slice(clock, body, context, count);
  qsort(slices, SLICES, sizeof *slices, ascending);
  return slices[SLICES / 2] / (double)count;
}

void
report(const char *workload, const char *detail, const char *unit, double value)
{
  printf("{\"measure\": \"%s%s%s\", \"unit\": \"%s\", \"value\": %.3f}\n", workload,
         *detail ? " " : "", detail, unit, value);
}
