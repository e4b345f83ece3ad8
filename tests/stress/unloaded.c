/*
 * Loads the shared library a thousand times, uses it in several threads, and gives it up again, while
 * one that has used it before is still there. Threads exit after it was given up, and a child is forked:
 * whoever they call must be there. Nothing may grow. SPDX-License-Identifier: MIT
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIMES = 1000, THREADS = 3 };

static void *(*allocate)(size_t);
static void (*give_back)(void *);
static void *(*scope_create)(const void *);
static void (*scope_destroy)(void *);

static void *
symbol(void *library, const char *name)
{
  void *found = dlsym(library, name);
  if (!found) {
    printf("Bail out! %s\n", dlerror());
    exit(1);
  }
  return found;
}

static void *
load(void)
{
  void *library = dlopen(getenv("SA_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    printf("Bail out! %s\n", dlerror());
    exit(1);
  }
  *(void **)&allocate = symbol(library, "sa_malloc");
  *(void **)&give_back = symbol(library, "sa_free");
  *(void **)&scope_create = symbol(library, "sa_scope_create");
  *(void **)&scope_destroy = symbol(library, "sa_scope_destroy");
  return library;
}

static void
use(void)
{
  for (size_t size = 1; size < 200000; size *= 3)
    give_back(allocate(size));
  scope_destroy(scope_create(NULL));
}

static pthread_barrier_t used, given_up;

static void *
use_and_exit_later(void *unused)
{
  use();
  pthread_barrier_wait(&used);
  pthread_barrier_wait(&given_up);
  return unused;
}

static bool
fork_works(void)
{
  int   status;
  pid_t child = fork();
  if (child == 0)
    _exit(0);
  return waitpid(child, &status, 0) == child && status == 0;
}

static unsigned
mappings(void)
{
  char     line[512];
  unsigned count = 0;
  FILE    *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps))
    count++;
  fclose(maps);
  return count;
}

static void
load_and_give_up(void)
{
  pthread_t threads[THREADS];
  void     *library = load();
  for (unsigned i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, use_and_exit_later, NULL);
  use();
  pthread_barrier_wait(&used);
  dlclose(library);
  pthread_barrier_wait(&given_up);
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
}

int
main(void)
{
  enum { FIRST = 100, MORE = 8 };
  unsigned before = 0, forks = 0;
  pthread_barrier_init(&used, NULL, THREADS + 1);
  pthread_barrier_init(&given_up, NULL, THREADS + 1);
  puts("1..2");
  for (unsigned i = 0; i < TIMES; i++) {
    load_and_give_up();
    if (i % FIRST == 0)
      forks += fork_works();
    if (i == FIRST)
      before = mappings();
  }
  unsigned after = mappings();
  printf("%sok 1 - threads and forks after it was given up find what they call\n",
         forks == TIMES / FIRST ? "" : "not ");
  printf("%sok 2 - no mapping is left of the thousand times (%u, then %u)\n",
         after <= before + MORE ? "" : "not ", before, after);
  return forks != TIMES / FIRST || after > before + MORE;
}
