/*
 * What a remote call costs:
 *
 *   rpc_client_MEMORY PROTOCOL ENDPOINT OPERATION measure SERVER
 *
 * makes calls for a while at each empty line that it reads, and prints how many microseconds a call
 * took: by the clock, and, but on Windows, on a processor here and in the server, whose process number
 * it is told.
 *
 *   rpc_client_MEMORY PROTOCOL ENDPOINT OPERATION make COUNT
 *
 * makes so many calls.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"
#include "facts.h"
#include "measure.h"
#include "rpc_memory.h"
#include "runtime.h"

enum { NUMBER = 7, FOUND = 1000, RELATIONS = 5000, SCAN = 16 << 20 };

static void
give_back(void *block)
{
  if (memory_one_by_one && block)
    midl_user_free(block);
}

/* --- the operations: each reads its answer, and gives it back ---------------------------------- */

static void
call_status(handle_t binding)
{
  statistics now = {.calls = -1};
  catalog_status(binding, &now);
  expect(now.calls >= 0);
}

static void
call_title(handle_t binding)
{
  text title = NULL;
  catalog_title(binding, NUMBER, &title);
  expect(title && title[0]);
  give_back(title);
}

static void
give_back_record(record *old)
{
  if (old->about.what == RECORDING)
    give_back(old->about.value.performer);
  give_back(old->title);
  give_back(old->subtitle);
  give_back(old->price);
  give_back(old->loans);
  give_back(old);
}

static void
call_search(handle_t binding)
{
  records found = NULL, next;
  int     count = 0;
  catalog_search(binding, (kind)fact_kind_of(NUMBER), NUMBER, FOUND, &found);
  for (; found; found = next, count++) {
    next = found->next;
    expect(found->number >= NUMBER);
    give_back_record(found);
  }
  expect(count == FOUND);
}

/* A ring with shortcuts, or a chain: every relation is led to by two others, or the last one by all. */
static relation graph[RELATIONS];

static void
relate(void)
{
#ifdef _WIN32 /* Wine goes round a ring until its stack is full */
  graph[RELATIONS - 1].number = RELATIONS - 1;
  for (int i = 0; i < RELATIONS - 1; i++)
    graph[i] = (relation){i, &graph[i + 1], &graph[RELATIONS - 1]};
#else
  for (int i = 0; i < RELATIONS; i++)
    graph[i] = (relation){i, &graph[(i + 1) % RELATIONS], &graph[i * 7 % RELATIONS]};
#endif
}

static void
call_mirror(handle_t binding)
{
  relations mirror = NULL, next;
  catalog_mirror(binding, graph, &mirror);
  for (int i = 0; i < RELATIONS; i++, mirror = next) {
    expect(mirror && mirror->number == i);
    next = mirror->right;
    give_back(mirror);
  }
}

static void
call_scan(handle_t binding)
{
  static pixel image[SCAN];
  catalog_scan(binding, NUMBER, SCAN, image);
  expect(image[SCAN - 1] == fact_scan(NUMBER, SCAN - 1));
}

static const struct operation {
  const char *name;
  void (*call)(handle_t binding);
} operations[] = {
  {"status", call_status}, {"title", call_title}, {"search", call_search},
  {"mirror", call_mirror}, {"scan", call_scan},
};
enum { OPERATIONS = sizeof operations / sizeof *operations };

static const struct operation *
operation_of(const char *name)
{
  for (int i = 0; i < OPERATIONS; i++)
    if (strcmp(name, operations[i].name) == 0)
      return &operations[i];
  return NULL;
}

/* --- measuring --------------------------------------------------------------------------------- */

#ifdef _WIN32
enum { CLOCKS = 1 };
#else
enum { CLOCKS = 3 };
#endif

struct client {
  const struct operation *operation;
  handle_t                binding;
  int                     number; /* of the server's process, or of calls */
};

static void
call(void *argument, size_t count)
{
  const struct client *client = argument;
  for (size_t n = 0; n < count; n++) {
    memory_begin();
    client->operation->call(client->binding);
    memory_end();
  }
}

static void
set_clocks(clockid_t clocks[CLOCKS], int server)
{
  clocks[0] = CLOCK_MONOTONIC;
#ifdef _WIN32
  (void)server; /* of which Windows knows another number than who has told us */
#else
  clocks[1] = CLOCK_PROCESS_CPUTIME_ID;
  if (clock_getcpuclockid(server, &clocks[2]) != 0) {
    fprintf(stderr, "there is no process %d\n", server);
    exit(1);
  }
#endif
}

/* Several clients take turns, slice by slice, so that a disturbance hits them all alike. */
static void
measure_calls(void *argument)
{
  struct client *client = argument;
  clockid_t      clocks[CLOCKS];
  double         took[CLOCKS];
  set_clocks(clocks, client->number);
  const size_t count = measure_count(CLOCK_MONOTONIC, call, client);
  while (getchar() == '\n') {
    measure_slice(clocks, CLOCKS, call, client, count, took);
    for (int i = 0; i < CLOCKS; i++)
      printf("%.3f ", took[i] / (double)count / 1000);
    putchar('\n');
    fflush(stdout);
  }
}

static void
make_calls(void *argument)
{
  struct client *client = argument;
  call(client, (size_t)client->number);
}

int
main(int argc, char **argv)
{
  struct client client = {.operation = argc == 6 ? operation_of(argv[3]) : NULL};
  if (!client.operation) {
    fprintf(stderr, "usage: %s PROTOCOL ENDPOINT OPERATION measure SERVER | make COUNT\n", argv[0]);
    return 2;
  }
  client.binding = runtime_bind(argv[1], argv[2]);
  client.number = atoi(argv[5]);
  if (!client.binding)
    return 1;
  relate();
  bool         measures = strcmp(argv[4], "measure") == 0;
  enum outcome outcome = runtime_try(measures ? measure_calls : make_calls, &client);
  runtime_unbind(client.binding);
  return outcome == DONE ? 0 : 1;
}
