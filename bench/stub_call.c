/* What the memory of one remote call costs, by malloc and free. */
#include "stub_call.h"

#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "work.h"

static void
one_call(void)
{
  void *blocks[STUB_CALL_BLOCKS];
  for (size_t i = 0; i < STUB_CALL_BLOCKS; i++) {
    blocks[i] = malloc(stub_call_sizes[i]);
    memset(blocks[i], 1, stub_call_sizes[i]);
  }
  for (size_t i = 0; i < STUB_CALL_BLOCKS; i++)
    free(blocks[i]);
}

static void
calls(void *unused, size_t count)
{
  (void)unused;
  for (size_t i = 0; i < count; i++)
    one_call();
}

void
stub_call(const struct work *work)
{
  report(work->name, "", "ns", measure(CLOCK_PROCESS_CPUTIME_ID, calls, NULL));
}
