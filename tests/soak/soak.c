/*
 * Everything at once, for as long as one likes: threads that allocate, resize and free each other's
 * blocks, enter, share and destroy scopes, some of them in sections, call the package, use sections, ask
 * for figures, trim, fork, and come and go, by random numbers. They do so in rounds; after each of them
 * all is given back, and exactly nothing may be left.
 *
 * Usage: soak SECONDS [SEED]
 *
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "left.h"
#include "soak.h"
#include "stuballoc/stats.h"

enum { THREADS = 6, LIVES = 4, STEPS = 10000, OWN = 4096, ROOM = 16 << 20 };

/* What a thread has of its own: a model of each kind. */
struct thread {
  _Alignas(16) char exchange[OWN];
  _Alignas(16) char scopes[OWN];
  uint64_t random;
};

/* --- steps ------------------------------------------------------------------------------------ */

static void
ignore(void *context, const char *text, size_t length)
{
  (void)context, (void)text, (void)length;
}

static void
count(uint64_t *random)
{
  sa_stats stats = {.size = sizeof stats};
  int      failed =
    below(random, 2) ? sa_get_stats(&stats) : sa_write_stats(SA_STATS_JSON, ignore, NULL);
  if (failed)
    fail("no figures");
}

/* The child goes on with what its only thread had. */
static void
fork_and_go_on(struct thread *thread)
{
  pid_t child = fork();
  if (child < 0)
    fail("no child");
  if (child == 0) {
    for (unsigned i = 0; i < 500; i++)
      exchange_part.step(thread->exchange, &thread->random);
    sa_trim();
    _exit(0);
  }
  int status;
  if (waitpid(child, &status, 0) != child || status != 0)
    fail("a child has failed");
}

static void
step(struct thread *thread)
{
  unsigned kind = below(&thread->random, 50000);
  if (kind < 30000)
    exchange_part.step(thread->exchange, &thread->random);
  else if (kind < 49500)
    scopes_part.step(thread->scopes, &thread->random);
  else if (kind < 49800)
    package_step(&thread->random);
  else if (kind < 49900)
    sections_step(&thread->random);
  else if (kind < 49960)
    count(&thread->random);
  else if (kind < 49990)
    sa_trim();
  else
    fork_and_go_on(thread);
}

/* --- rounds ----------------------------------------------------------------------------------- */

static void *
live(void *random)
{
  struct thread thread = {.random = *(uint64_t *)random};
  for (unsigned i = 0; i < STEPS; i++)
    step(&thread);
  exchange_part.end(thread.exchange, &thread.random);
  scopes_part.end(thread.scopes, &thread.random);
  *(uint64_t *)random = thread.random;
  return NULL;
}

/* One thread after the other. */
static void *
live_on(void *random)
{
  for (unsigned i = 0; i < LIVES; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, live, random) != 0)
      fail("no thread");
    pthread_join(thread, NULL);
  }
  return NULL;
}

static void
one_round(uint64_t *random)
{
  pthread_t   threads[THREADS];
  uint64_t    randoms[THREADS];
  sa_section *section = sa_section_create(NULL, ROOM, 0);
  scopes_use_section(section);
  for (unsigned i = 0; i < THREADS; i++) {
    randoms[i] = next_random(random);
    if (pthread_create(&threads[i], NULL, live_on, &randoms[i]) != 0)
      fail("no thread");
  }
  for (unsigned i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  exchange_part.clear();
  scopes_part.clear();
  sa_section_close(section);
}

/* --- what is left ----------------------------------------------------------------------------- */

static unsigned failures;

static void
say(bool holds, unsigned number, const char *what)
{
  printf("%s %u - %s\n", holds ? "ok" : "not ok", number, what);
  failures += !holds;
}

static sa_stats
figures(void)
{
  sa_stats stats = {.size = sizeof stats};
  if (sa_get_stats(&stats) != 0)
    fail("no figures");
  return stats;
}

/* How many rounds it took, of which the last left something or was the last in time. */
static unsigned
soak(time_t seconds, uint64_t random)
{
  unsigned rounds = 0;
  time_t   end = time(NULL) + seconds;
  do {
    one_round(&random);
    rounds++;
  } while (figures().live_blocks == 0 && time(NULL) < end);
  return rounds;
}

int
main(int argc, char **argv)
{
  time_t   seconds = argc > 1 ? atol(argv[1]) : 0;
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
  unsigned before = left_descriptors_and_mappings();
  printf("1..4\n# seed %llu\n", (unsigned long long)seed);
  fflush(stdout);
  sections_begin();
  unsigned rounds = soak(seconds, random_of(seed));
  sections_finish();
  sa_stats stats = figures();
  printf("# %u rounds of %d threads, %d steps each; %zu blocks of %zu bytes are left\n", rounds,
         THREADS * LIVES, STEPS, stats.live_blocks, stats.live);
  say(stats.live_blocks == 0 && stats.live == 0, 1, "no block is left");
  say(stats.misuses == 0, 2, "nothing was said to be misuse");
  say(left_names() == 0, 3, "no name is left");
  say(left_descriptors_and_mappings() == before, 4, "no descriptor and no mapping is left");
  return failures > 0;
}
