/*
 * Sixteen threads that allocate and one that frees: what they hold stays close to what is live, as
 * long as that is much more than a slab for each thread and class, which each thread may hold.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "memory.h"

enum { THREADS = 16, LIVE = 128 * MIB, ROUNDS = 64 };

/* The blocks that are live, each starting with its size. */
static _Atomic(size_t *) *places;
static size_t             place_count;
static _Atomic bool       over;
static size_t             most_size;

static size_t
random_size(uint32_t *random)
{
  return 16 + next_random(random) % (most_size - 15);
}

/* Fills whatever places are empty in this thread's share. */
static void *
allocate(void *argument)
{
  size_t   thread = (size_t)(uintptr_t)argument;
  uint32_t random = (uint32_t)thread;
  while (!atomic_load(&over)) {
    for (size_t place = thread; place < place_count; place += THREADS)
      if (!atomic_load(&places[place])) {
        size_t  size = random_size(&random);
        size_t *block = memset(sa_malloc(size), 1, size);
        *block = size;
        atomic_store(&places[place], block);
      }
    sched_yield();
  }
  return NULL;
}

static void
free_any(size_t count, uint32_t *random)
{
  for (size_t i = 0; i < count; i++)
    sa_free(atomic_exchange(&places[next_random(random) % place_count], NULL));
}

/* Waits until all places are full, and returns the bytes in them. */
static size_t
live(void)
{
  size_t bytes = 0;
  for (size_t place = 0; place < place_count; place++) {
    while (!atomic_load(&places[place]))
      sched_yield();
    bytes += *atomic_load(&places[place]);
  }
  return bytes;
}

static void
sixteen_allocate_and_one_frees(size_t most)
{
  pthread_t threads[THREADS];
  uint32_t  random = 7;
  most_size = most;
  place_count = LIVE / (most / 2);
  places = notes(place_count * sizeof *places);
  atomic_store(&over, false);
  size_t before = resident();
  for (uintptr_t i = 0; i < THREADS; i++)
    pthread_create(&threads[i], NULL, allocate, (void *)i);
  size_t worst = 0; /* percent */
  for (int round = 0; round < ROUNDS; round++) {
    size_t bytes = live();
    size_t percent = (resident() - before) * 100 / bytes;
    if (percent > worst)
      worst = percent;
    free_any(place_count / 16, &random);
  }
  atomic_store(&over, true);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  for (size_t place = 0; place < place_count; place++)
    sa_free(places[place]);
  sa_trim();
  print_message("# %zu %% of what is live\n", worst);
  assert_true(worst <= 125);
}

static void
small_sizes_stay_close_to_what_is_live(void **state)
{
  (void)state;
  DEFAULT_MODE_ONLY();
  sixteen_allocate_and_one_frees(1024);
}

static void
larger_sizes_stay_so_too(void **state)
{
  (void)state;
  DEFAULT_MODE_ONLY();
  sixteen_allocate_and_one_frees(4096);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(small_sizes_stay_close_to_what_is_live),
    cmocka_unit_test(larger_sizes_stay_so_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
