/* What the memory of one remote call costs, by malloc and free. */
#include "stub_call.h"

#include <stdlib.h>

#include "measure.h"
#include "work.h"

static inline void
allocate_all(void **blocks, bool written)
{
  for (size_t i = 0; i < STUB_CALL_BLOCKS; i++)
    blocks[i] = stub_call_block(malloc(stub_call_sizes[i]), i, written);
}

static void
free_each(void **blocks, size_t first, size_t step)
{
  for (size_t i = first; i < STUB_CALL_BLOCKS; i += step)
    free(blocks[i]);
}

static inline void
call_often(size_t count, bool written)
{
  for (size_t i = 0; i < count; i++) {
    void *blocks[STUB_CALL_BLOCKS];
    allocate_all(blocks, written);
    free_each(blocks, 0, 1);
  }
}

static void
calls(void *unused, size_t count)
{
  (void)unused;
  call_often(count, false);
}

static void
calls_written(void *unused, size_t count)
{
  (void)unused;
  call_often(count, true);
}

static void
calls_halved(void *unused, size_t count)
{
  (void)unused;
  for (size_t i = 0; i < count; i++) {
    void *blocks[STUB_CALL_BLOCKS];
    allocate_all(blocks, false);
    free_each(blocks, 0, 2);
    free_each(blocks, 1, 2);
  }
}

static void
run(const struct work *work, measured *body)
{
  report(work->name, "", "ns", measure(CLOCK_PROCESS_CPUTIME_ID, body, NULL));
}

void
stub_call(const struct work *work)
{
  run(work, calls);
}

void
stub_call_written(const struct work *work)
{
  run(work, calls_written);
}

void
stub_call_halved(const struct work *work)
{
  run(work, calls_halved);
}
