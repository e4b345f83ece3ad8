/*
 * replay-trace describe FILE                  what is in a trace
 * replay-trace time|memory ALLOCATOR FILE     how long it takes; what is resident meanwhile
 *
 * ALLOCATOR is `scopes` or `engine`, stuballoc's, or `malloc`, whichever that is. Prints one object of
 * JSON. stuballoc-replay, which runs it, is for people.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stuballoc.h>

/* --- allocators ------------------------------------------------------------------------------- */

static void *
aligned(size_t alignment, size_t size)
{
  void *block = NULL;
  if (alignment < sizeof(void *))
    alignment = sizeof(void *);
  return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
}

static const struct allocator allocators[] = {
  {"scopes", true, sa_malloc, sa_calloc, sa_aligned_alloc, sa_realloc, sa_free},
  {"engine", false, sa_malloc, sa_calloc, sa_aligned_alloc, sa_realloc, sa_free},
  {"malloc", false, malloc, calloc, aligned, realloc, free},
};

static const struct allocator *
find_allocator(const char *name)
{
  for (size_t i = 0; i < sizeof allocators / sizeof *allocators; i++)
    if (strcmp(allocators[i].name, name) == 0)
      return &allocators[i];
  die("there is no allocator '%s'", name);
}

/* --- memory ----------------------------------------------------------------------------------- */

static size_t
resident(void)
{
  return number_in("/proc/self/status", "VmRSS:") * 1024;
}

/* From now on the system looks for the peak; false: it cannot do so anew. */
static bool
forget_peak(void)
{
  int  file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  bool done = file >= 0 && write(file, "5", 1) == 1;
  if (file >= 0)
    close(file);
  return done;
}

static size_t  before, peak;
static size_t *samples;

static size_t
beyond(size_t bytes)
{
  return bytes > before ? bytes - before : 0;
}

static void
take_sample(uint32_t epoch)
{
  samples[epoch] = beyond(resident());
  if (samples[epoch] > peak)
    peak = samples[epoch];
}

static void
print_numbers(const char *name, const size_t *numbers, size_t count)
{
  printf("\"%s\": [", name);
  for (size_t i = 0; i < count; i++)
    printf("%s%zu", i > 0 ? ", " : "", numbers[i]);
  printf("]");
}

/* --- what is done ----------------------------------------------------------------------------- */

/* What a damaged trace, or one of a larger machine, would have us try. */
static void
refuse_too_much(const struct plan *plan)
{
  uint64_t there = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
  if (plan->summary.peak_live > there / 10 * 9)
    die("the trace has %" PRIu64 " bytes live at once; this machine has %" PRIu64,
        plan->summary.peak_live, there);
}

static void
make_plan(struct plan *plan, const char *file, bool scoped, size_t epochs, size_t least)
{
  struct trace trace;
  trace_open(&trace, file);
  trace_refuse_too_long(&trace);
  plan_make(plan, &trace, scoped, epochs, least);
  trace_close(&trace);
  refuse_too_much(plan);
}

static void
measure_memory(const struct allocator *allocator, const char *file)
{
  enum { SAMPLES = 256 };
  struct plan plan;
  make_plan(&plan, file, allocator->scoped, SAMPLES, 1);
  run_prepare(&plan, allocator);
  samples = pages(plan.epochs * sizeof *samples);
  memset(samples, 1, plan.epochs * sizeof *samples);
  before = resident();
  bool watched = forget_peak();
  run(1, take_sample);
  if (watched)
    peak = beyond(number_in("/proc/self/status", "VmHWM:") * 1024);
  printf("{\"peak\": %zu, ", peak);
  print_numbers("resident", samples, plan.epochs);
  printf("}\n");
}

/* Often, if it is short; the fastest is disturbed least. */
static void
measure_time(const struct allocator *allocator, const char *file)
{
  const uint64_t enough = 300000000;
  struct plan    plan;
  uint64_t       all = 0, best = UINT64_MAX;
  unsigned       times = 0;
  make_plan(&plan, file, allocator->scoped, SIZE_MAX, 65536);
  run_prepare(&plan, allocator);
  for (; times < 2 || all < enough; times++) {
    uint64_t took = run(2, NULL);
    all += took;
    if (took < best)
      best = took;
  }
  printf("{\"nanoseconds\": %" PRIu64 ", \"times\": %u}\n", best, times);
}

static void
print_operations(void)
{
  size_t                  count;
  const struct operation *operations = plan_operations(&count);
  printf("\"operations\": [");
  for (size_t i = 0; i < count; i++) {
    printf("%s{\"interface\": \"", i > 0 ? ", " : "");
    for (const char *at = operations[i].name; *at; at++)
      putchar(*at < ' ' || *at > '~' || *at == '"' || *at == '\\' ? '?' : *at);
    printf("\", \"operation\": %" PRIu64 ", \"calls\": %" PRIu64 ", \"blocks\": %" PRIu64
           ", \"bytes\": %" PRIu64 "}",
           operations[i].number, operations[i].calls, operations[i].blocks, operations[i].bytes);
  }
  printf("], ");
}

static void
describe(const char *file)
{
  enum { SAMPLES = 256, SIZES = 65 };
  struct trace trace;
  struct plan  plan;
  trace_open(&trace, file);
  trace_refuse_too_long(&trace);
  plan_make(&plan, &trace, false, SAMPLES, 1);
  const struct summary *summary = &plan.summary;
  printf("{\"process\": %" PRIu64 ", \"threads\": %zu, \"allocs\": %" PRIu64 ", \"frees\": %" PRIu64
         ", \"reallocs\": %" PRIu64 ", \"zeroed\": %" PRIu64 ", \"aligned\": %" PRIu64
         ", \"kept\": %" PRIu64 ", \"cross\": %" PRIu64 ", \"scopes\": %" PRIu64
         ", \"calls\": %" PRIu64 ", \"unmatched\": %" PRIu64 ", \"peak_live\": %" PRIu64
         ", \"peak_blocks\": %" PRIu64 ", \"left\": %" PRIu64 ", \"nanoseconds\": %" PRIu64 ", ",
         trace.header.process, plan.threads, summary->allocs, summary->frees, summary->reallocs,
         summary->zeroed, summary->aligned, summary->kept, summary->cross, summary->scopes,
         summary->calls, summary->unmatched, summary->peak_live, summary->peak_blocks,
         summary->blocks, summary->ended - summary->began);
  print_operations();
  print_numbers("live", plan.live, plan.epochs);
  printf(", ");
  print_numbers("sizes", summary->sizes, SIZES);
  printf("}\n");
}

int
main(int argc, char **argv)
{
  if (argc == 3 && strcmp(argv[1], "describe") == 0)
    describe(argv[2]);
  else if (argc == 4 && strcmp(argv[1], "time") == 0)
    measure_time(find_allocator(argv[2]), argv[3]);
  else if (argc == 4 && strcmp(argv[1], "memory") == 0)
    measure_memory(find_allocator(argv[2]), argv[3]);
  else
    die("usage: replay-trace describe FILE | replay-trace time|memory ALLOCATOR FILE");
  return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
