/*
 * An application that brackets its calls with RpcSsEnableAllocate and RpcSsDisableAllocate: what
 * the calls return need not be freed piece by piece.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include <stuballoc/midl.h>
#include <stuballoc/rpcss.h>

struct record {
  char          *name;
  struct record *next;
};

/* Stands for the stub of a remote call, which builds its results in memory of midl_user_allocate.
 */
static struct record *
search(unsigned found)
{
  struct record *list = NULL;
  for (unsigned i = found; i > 0; i--) {
    struct record *record = midl_user_allocate(sizeof *record);
    char          *name = midl_user_allocate(32);
    if (!record || !name)
      return NULL; /* a real stub raises an exception here */
    snprintf(name, 32, "record %u", i);
    *record = (struct record){name, list};
    list = record;
  }
  return list;
}

static void
print_error(RPC_STATUS status)
{
  fprintf(stderr, "rpcss-calls: status %u\n", (unsigned)status);
}

int
main(void)
{
  sa_set_raise_handler(print_error);

  RpcSsEnableAllocate();
  struct record *list = search(1000);

  /* the application allocates beside the stubs, */
  char *longest = RpcSsAllocate(32);
  if (!list || !longest)
    return 1;
  longest[0] = '\0';
  for (struct record *record = list; record; record = record->next)
    if (strlen(record->name) > strlen(longest))
      strcpy(longest, record->name);
  printf("the longest name is \"%s\"\n", longest);

  /* may free a block early, whose memory is then used again, */
  RpcSsFree(longest);

  /* and frees 2,000 blocks at once. */
  RpcSsDisableAllocate();

  RPC_STATUS status;
  RpcSmAllocate(32, &status);
  printf("after the last call: %s\n",
         status == RPC_S_INVALID_ARG ? "no environment" : "something is left");
  return 0;
}
