/*
 * A list as a stub would unmarshal it, in a scope of the package that another thread may share; some of
 * its nodes are freed at once, one is kept. Pairs nest, and are at times left to the one around them.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdbool.h>

#include "soak.h"
#include "stuballoc/midl.h"
#include "stuballoc/rpcss.h"

enum { NODES = 40, DEEPEST = 3 };

static struct head *
make(uint64_t *random)
{
  size_t       size = sizeof(struct head) + below(random, below(random, 20) == 0 ? 100000 : 500);
  RPC_STATUS   status;
  struct head *block = below(random, 2) ? midl_user_allocate(size) : RpcSmAllocate(size, &status);
  if (!block)
    return NULL; /* the package's scope is charged to the budget of one around it, if that has one */
  fill(block, size, next_random(random));
  return block;
}

/* Of those that are there, frees about a third. */
static void
use(struct head **nodes, uint64_t *random)
{
  for (unsigned i = 0; i < NODES; i++)
    nodes[i] = make(random);
  for (unsigned i = 0; i < NODES; i++) {
    if (!nodes[i])
      continue;
    check(nodes[i], nodes[i]->size);
    if (below(random, 3) > 0)
      continue;
    if (below(random, 2))
      midl_user_free(nodes[i]);
    else
      RpcSmClientFree(nodes[i]);
    nodes[i] = NULL;
  }
}

static void
check_all(struct head **nodes)
{
  for (unsigned i = 0; i < NODES; i++)
    if (nodes[i])
      check(nodes[i], nodes[i]->size);
}

struct guest {
  RPC_SS_THREAD_HANDLE handle;
  uint64_t             random;
  struct head         *nodes[NODES];
};

/* Half of them exit in the scope. */
static void *
be_a_guest(void *argument)
{
  struct guest *guest = argument;
  if (RpcSmSetThreadHandle(guest->handle) != RPC_S_OK)
    fail("no memory for a guest");
  use(guest->nodes, &guest->random);
  check_all(guest->nodes);
  if (below(&guest->random, 2))
    RpcSmSetThreadHandle(NULL);
  return NULL;
}

static void
keep_one(struct head **nodes, uint64_t *random)
{
  struct head **node = &nodes[below(random, NODES)];
  if (!*node)
    return;
  struct head *kept = sa_scope_keep(*node);
  *node = NULL;
  if (!kept)
    fail("no memory to keep a node");
  exchange_leave(kept, random);
}

static void
use_pair(uint64_t *random, unsigned depth)
{
  struct head *nodes[NODES];
  if (RpcSmEnableAllocate() != RPC_S_OK)
    fail("no memory for a pair");
  struct guest guest = {RpcSmGetThreadHandle(NULL), next_random(random), {NULL}};
  bool         has_guest = below(random, 4) == 0;
  pthread_t    thread;
  if (has_guest && pthread_create(&thread, NULL, be_a_guest, &guest) != 0)
    fail("no thread");
  use(nodes, random);
  if (depth < DEEPEST && below(random, 2))
    use_pair(random, depth + 1);
  check_all(nodes);
  keep_one(nodes, random);
  if (has_guest)
    pthread_join(thread, NULL);
  check_all(guest.nodes);
  RpcSmDisableAllocate();
}

void
package_step(uint64_t *random)
{
  use_pair(random, 1);
}
