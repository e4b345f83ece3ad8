/*
 * Helper threads that share the memory of a call: the thread that runs the call passes its handle
 * on, and they allocate where it does.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdio.h>

#include <stuballoc/rpcss.h>

enum { HELPERS = 4, ROWS = 1000 };

struct work {
  RPC_SS_THREAD_HANDLE handle;
  unsigned             number;
  char                *rows[ROWS]; /* the result, for the thread that runs the call */
};

static void *
help(void *argument)
{
  struct work *work = argument;
  RpcSsSetThreadHandle(work->handle);
  for (unsigned i = 0; i < ROWS; i++) {
    work->rows[i] = RpcSsAllocate(40);
    if (work->rows[i])
      snprintf(work->rows[i], 40, "row %u of helper %u", i, work->number);
  }
  /* a thread that exits would leave by itself */
  RpcSsSetThreadHandle(NULL);
  return NULL;
}

static void
print_error(RPC_STATUS status)
{
  fprintf(stderr, "rpcss-threads: status %u\n", (unsigned)status);
}

int
main(void)
{
  static struct work works[HELPERS];
  pthread_t          helpers[HELPERS];
  sa_set_raise_handler(print_error);

  RpcSsEnableAllocate();
  for (unsigned i = 0; i < HELPERS; i++) {
    works[i].handle = RpcSsGetThreadHandle();
    works[i].number = i;
    if (pthread_create(&helpers[i], NULL, help, &works[i]) != 0)
      return 1;
  }
  for (unsigned i = 0; i < HELPERS; i++)
    pthread_join(helpers[i], NULL);

  /* What the helpers allocated is there after they have ended. */
  unsigned rows = 0;
  for (unsigned i = 0; i < HELPERS; i++)
    for (unsigned j = 0; j < ROWS; j++)
      rows += works[i].rows[j] != NULL;
  printf("%u rows; the last is \"%s\"\n", rows, works[HELPERS - 1].rows[ROWS - 1]);

  /* All of it, whoever allocated it. */
  RpcSsDisableAllocate();
  return 0;
}
