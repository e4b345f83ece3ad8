/*
 * A tour of the engine: what each step leaves resident, and how long it takes.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <stuballoc.h>

#define MIB (1024.0 * 1024.0)

enum { BLOCK = 1024, BLOCKS = 256 * 1024, PAIRS = 20 * 1000 * 1000 };

static void *blocks[BLOCKS];

static double
resident(void)
{
  unsigned long pages = 0;
  FILE         *statm = fopen("/proc/self/statm", "r");
  if (statm && fscanf(statm, "%*u %lu", &pages) != 1)
    pages = 0;
  if (statm)
    fclose(statm);
  return (double)pages * (double)sysconf(_SC_PAGESIZE) / MIB;
}

static double
seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double started;

/* A line of the table: the time is since the step began. */
static void
row(const char *step)
{
  printf("  %-62s %8.1f ms %8.1f MiB\n", step, (seconds() - started) * 1e3, resident());
  fflush(stdout);
  started = seconds();
}

static void
section(const char *title)
{
  printf("\n%s\n", title);
  started = seconds();
}

static void *
must(void *block)
{
  if (!block) {
    perror("engine-tour");
    exit(1);
  }
  return block;
}

static void
allocate_all(void)
{
  for (unsigned i = 0; i < BLOCKS; i++)
    memset(blocks[i] = must(sa_malloc(BLOCK)), 1, BLOCK);
}

static void
free_all(void)
{
  for (unsigned i = 0; i < BLOCKS; i++)
    sa_free(blocks[i]);
}

static void
one_thread(void)
{
  section("One thread");
  for (unsigned i = 0; i < PAIRS; i++)
    sa_free(must(sa_malloc(64)));
  row("20 million times: allocate 64 bytes, free them");
  allocate_all();
  row("allocate and write 262,144 blocks of 1 KiB");
  free_all();
  row("free them all");
}

static sem_t allocated, may_end;

static void *
allocate_and_sleep(void *unused)
{
  allocate_all();
  sem_post(&allocated);
  sem_wait(&may_end);
  return unused;
}

static void
two_threads(void)
{
  pthread_t worker;
  section("Two threads: one allocates and falls asleep, the other frees");
  sem_init(&allocated, 0, 0);
  sem_init(&may_end, 0, 0);
  if (pthread_create(&worker, NULL, allocate_and_sleep, NULL) != 0)
    exit(1);
  sem_wait(&allocated);
  row("the worker allocates and writes 262,144 blocks of 1 KiB");
  free_all();
  row("the main thread frees them all, the worker still asleep");
  sem_post(&may_end);
  pthread_join(worker, NULL);
  row("the worker ends");
}

static void
growing(void)
{
  section("A block that grows");
  char *block = must(sa_malloc(64 << 20));
  memset(block, 1, 64 << 20);
  row("allocate and write 64 MiB");
  block = must(sa_realloc(block, 1 << 30));
  row("sa_realloc to 1 GiB");
  sa_free(block);
  row("free it");
}

static void
trimming(void)
{
  char step[80];
  section("Idle memory, which goes back by itself but for a small reserve");
  snprintf(step, sizeof step, "sa_trim gives %.1f MiB of it back now", (double)sa_trim() / MIB);
  row(step);
}

int
main(void)
{
  section("                                                                     time     resident");
  row("at the start");
  one_thread();
  two_threads();
  growing();
  trimming();
}
