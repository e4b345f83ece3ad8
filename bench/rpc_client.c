/*
 * What a remote call costs:
 *
 *   rpc_client_MEMORY PROTOCOL ENDPOINT OPERATION measure SERVER
 *
 * finds out how many calls take a while, says that it is ready, makes so many at each empty line that
 * it reads, and prints how many microseconds a call took: by the clock, and, but on Windows, on a processor
 * here and in the server, whose process number it is told.
 *
 *   rpc_client_MEMORY PROTOCOL ENDPOINT OPERATION make COUNT [SIZE]
 *
 * makes so many calls, each for so many records, relations or bytes: to find out how many a runtime carries.
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

enum { NUMBER = 7 };

static void
give_back(void *block)
{
  if (memory_one_by_one && block)
    midl_user_free(block);
}

/* --- the operations: each reads its answer, and gives it back ---------------------------------- */

static void
call_status(handle_t binding, int size)
{
  (void)size;
  statistics now = {.calls = -1};
  catalog_status(binding, &now);
  expect(now.calls >= 0);
}

static void
call_title(handle_t binding, int size)
{
  text title = NULL;
  (void)size;
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
call_search(handle_t binding, int size)
{
  records found = NULL, next;
  int     count = 0;
  catalog_search(binding, (kind)fact_kind_of(NUMBER), NUMBER, size, &found);
  for (; found; found = next, count++) {
    next = found->next;
    expect(found->number >= NUMBER);
    give_back_record(found);
  }
  expect(count == size);
}

/* A ring with shortcuts, or a chain: every relation is led to by two others, or the last one by all. */
static relation *
make_graph(int size)
{
  relation *graph = calloc((size_t)size, sizeof *graph);
  expect(graph);
#ifdef _WIN32 /* Wine goes round a ring until its stack is full */
  for (int i = 0; i < size; i++)
    graph[i] =
      (relation){i, i + 1 < size ? &graph[i + 1] : NULL, i + 1 < size ? &graph[size - 1] : NULL};
#else
  for (int i = 0; i < size; i++)
    graph[i] = (relation){i, &graph[(i + 1) % size], &graph[(long)i * 7 % size]};
#endif
  return graph;
}

static void
call_mirror(handle_t binding, int size)
{
  static relation *graph;
  relations        mirror = NULL, next;
  if (!graph)
    graph = make_graph(size);
  catalog_mirror(binding, graph, &mirror);
  for (int i = 0; i < size; i++, mirror = next) {
    expect(mirror && mirror->number == i);
    next = mirror->right;
    give_back(mirror);
  }
}

static void
call_scan(handle_t binding, int size)
{
  static pixel *image;
  if (!image)
    image = malloc((size_t)size);
  expect(image);
  catalog_scan(binding, NUMBER, size, image);
  expect(image[size - 1] == fact_scan(NUMBER, size - 1));
}

static const struct operation {
  const char *name;
  void (*call)(handle_t binding, int size);
  int size; /* in records, relations or bytes */
} operations[] = {
  {"status", call_status, 0},    {"title", call_title, 0},      {"search", call_search, 1000},
  {"mirror", call_mirror, 5000}, {"scan", call_scan, 16 << 20},
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
  int                     size;
};

static void
call(void *argument, size_t count)
{
  const struct client *client = argument;
  for (size_t n = 0; n < count; n++) {
    memory_begin();
    client->operation->call(client->binding, client->size);
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
  puts("ready");
  fflush(stdout);
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
  struct client client = {.operation = argc == 6 || argc == 7 ? operation_of(argv[3]) : NULL};
  if (!client.operation) {
    fprintf(stderr, "usage: %s PROTOCOL ENDPOINT OPERATION measure SERVER | make COUNT [SIZE]\n",
            argv[0]);
    return 2;
  }
  client.binding = runtime_bind(argv[1], argv[2]);
  client.number = atoi(argv[5]);
  client.size = argc == 7 ? atoi(argv[6]) : client.operation->size;
  if (!client.binding)
    return 1;
  bool         measures = strcmp(argv[4], "measure") == 0;
  enum outcome outcome = runtime_try(measures ? measure_calls : make_calls, &client);
  runtime_unbind(client.binding);
  return outcome == DONE ? 0 : 1;
}
