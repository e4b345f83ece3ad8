/* How long a piece of work takes, and how it is said. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stddef.h>
#include <time.h>

/* Does the work `count` times. */
typedef void measured(void *context, size_t count);

/*
 * Nanoseconds by `clock` for one time: the median of many short slices, so that a slice in which
 * another program had the processor does not count.
 *
 * Work on one thread takes CLOCK_PROCESS_CPUTIME_ID, which leaves other programs' time out and any
 * helper thread of the allocator in; work on several, which may wait for each other, takes
 * CLOCK_MONOTONIC.
 */
double measure(clockid_t clock, measured *body, void *context);

/* How often the work is done in a slice. Also warms the caches up: ours, the allocator's and the
 * processor's. */
size_t measure_count(clockid_t clock, measured *body, void *context);
/* A slice of its own: the nanoseconds that it took, by each of `n` clocks. */
void measure_slice(const clockid_t *clocks, size_t n, measured *body, void *context, size_t count,
                   double *took);

/* From here on, measure does the work exactly `count` times and does not repeat it. */
void measure_exactly(size_t count);

/* Prints one result; `detail` tells apart the results of one workload, or is "". */
void report(const char *workload, const char *detail, const char *unit, double value);

#endif /* MEASURE_H */
